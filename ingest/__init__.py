"""Chunks become an index that answers with the page and the box."""
