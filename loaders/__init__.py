"""PDFs and scans become ordered text chunks, every one with its boxes."""
