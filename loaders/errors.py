"""Every exception this package raises on purpose.

OcrIngestError
├── UsageError (ValueError)        the call is wrong; the message says how to mend it
│   ├── MissingExtra (ImportError) an optional package is absent; names the extra that brings it
│   └── UnknownEngine              no engine of that name
├── SourceError                    one file cannot be read; a stream turns it into a Failure
│   ├── SourceNotFound             no file at that path
│   ├── SourceUnreadable           no permission, a directory loop, a failing device
│   ├── EmptySource                zero bytes, or a document without pages
│   ├── UnsupportedSource          not a kind we read, whatever its name ends in
│   ├── BrokenSource               the right kind, but damaged beyond repair
│   └── NeedsPassword              encrypted, and no password or a wrong one was given
├── PageError                      one page cannot be read; a stream turns it into a Failure
│   ├── PageTooLarge               beyond what can be rasterized within the pixel cap
│   └── PageTimeout                ended at its deadline
├── EngineError                    an OCR engine failed on a page it should have read
│   └── EngineNotReady             its models, binary or service are absent; says how to get them
│       └── ModelFileError         a model file is missing, partial, unsafe or of another model
├── StoreError                     an index on disk cannot serve the request
└── LedgerError                    a word was lost or owned twice: a bug in this package
"""

from __future__ import annotations


class OcrIngestError(Exception):
    """Root of every exception raised on purpose."""


class UsageError(OcrIngestError, ValueError):
    """The call is wrong; the message says how to mend it."""


class MissingExtra(UsageError, ImportError):
    """An optional package is absent."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; it comes with the extra: pip install 'ocr-ingest[{extra}]'")
        self.package, self.extra = package, extra


class UnknownEngine(UsageError):
    """No engine of that name."""


class SourceError(OcrIngestError):
    """One file cannot be read."""


class SourceNotFound(SourceError):
    """No file at that path."""


class SourceUnreadable(SourceError):
    """No permission, a directory loop, or a failing device."""


class EmptySource(SourceError):
    """Zero bytes, or a document without pages."""


class UnsupportedSource(SourceError):
    """Not a kind of file we read, whatever its name ends in."""


class BrokenSource(SourceError):
    """The right kind of file, but damaged beyond repair."""


class NeedsPassword(SourceError):
    """Encrypted, and no password or a wrong one was given."""


class PageError(OcrIngestError):
    """One page cannot be read."""


class PageTooLarge(PageError):
    """Beyond what can be rasterized within the pixel cap."""


class PageTimeout(PageError):
    """Ended at its deadline."""


class EngineError(OcrIngestError):
    """An OCR engine failed on a page it should have read."""


class EngineNotReady(EngineError):
    """An engine's models, binary or service are absent."""


class ModelFileError(EngineNotReady):
    """A model file is missing, partial, unsafe, or of another model."""


class StoreError(OcrIngestError):
    """An index on disk cannot serve the request."""


class LedgerError(OcrIngestError):
    """A word was lost or owned twice: a bug in this package, never in the input."""


class FailureWarning(UserWarning):
    """A page or file could not be read; what can be read is still yielded. For streams that cannot hold a Failure."""
