"""Every choice that changes what is read or how it is cut, as one frozen value with a fingerprint.

Two fingerprints, since reading is dear and cutting is cheap: `reading_id` names how a page was read (it keys the page
cache), `config_id` names everything (it is part of every chunk's identity). Both are sha256 over the settings, the
engine's digest and the package's revision; neither knows the time, a path, or a secret.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from loaders.errors import UsageError

REVISION = "6"
"""Raised whenever the same settings would give another result, so that old caches are not believed."""

TextMode = Literal["auto", "ocr", "layer"]
Rasterizer = Literal["pymupdf", "pdfium"]
Order = Literal["relational", "geometric", "engine"]
TableText = Literal["markdown", "sentences"]

CHOICES = (("text", TextMode), ("rasterizer", Rasterizer), ("order", Order), ("table_text", TableText))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to read and how to cut.

    engine          name in loaders.ocr.ENGINES
    engine_options  keyword options of that engine
    text            "auto": a PDF's own text where it can be trusted, OCR elsewhere; "ocr": always OCR; "layer": never
    rasterizer      "pymupdf" (AGPL-3.0 or commercial) or "pdfium" (Apache-2.0 / BSD-3-Clause)
    dpi             resolution pages are rasterized at, lowered where `max_pixels` demands it
    max_pixels      cap on the pixels of one page image
    order           "relational": by the trained network; "geometric": column-aware, by rules; "engine": the order the
                    engine gave, for comparison
    relational_model  folder of a relational model of one's own (loaders/relate/train.py); the packaged one where empty
    tables          recognise tables as grids
    min_confidence  words below it are dropped, with that reason
    max_tokens      chunk budget in tokens of cl100k_base, headings and special tokens included
    context         put the document's name and the heading path in front of what is embedded
    table_text      how a table's rows are embedded: "markdown", as they are shown, or "sentences", in which every value
                    carries its headers
    password        for encrypted files; never part of a fingerprint, repr or report
    """

    engine: str = "ppocr"
    engine_options: tuple[tuple[str, str | int | float | bool], ...] = ()
    text: TextMode = "auto"
    rasterizer: Rasterizer = "pymupdf"
    dpi: int = 200
    max_pixels: int = 25_000_000
    order: Order = "relational"
    relational_model: str = field(default="", metadata={"stage": "place"})  # its digest is in the fingerprint
    tables: bool = True
    min_confidence: float = 0.5
    max_tokens: int = field(default=256, metadata={"stage": "cut"})
    context: bool = field(default=True, metadata={"stage": "cut"})
    table_text: TableText = field(default="markdown", metadata={"stage": "cut"})
    password: str | None = field(default=None, repr=False, metadata={"stage": "secret"})

    def __post_init__(self) -> None:
        for name, allowed in CHOICES:
            if getattr(self, name) not in get_args(allowed):
                raise UsageError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(get_args(allowed))}")
        if not 36 <= self.dpi <= 1200:
            raise UsageError(f"dpi={self.dpi}; choose between 36 and 1200 (200 suits print)")
        if self.max_tokens < 16:
            raise UsageError(f"max_tokens={self.max_tokens}; a chunk needs at least 16 tokens")
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(f"min_confidence={self.min_confidence}; choose between 0 and 1")

    def reading_id(self, engine_digest: str) -> str:
        """Name how a page is read: every setting up to and including tables, the models' digests, our revision."""
        return _digest([REVISION, engine_digest, self._of_stages("read")])

    def config_id(self, engine_digest: str, budget: str = "") -> str:
        """Name everything that shapes a chunk; `budget` describes an embedding model's own limit, where one is set."""
        return _digest([REVISION, engine_digest, self._of_stages("read", "cut"), budget])

    def _of_stages(self, *stages: str) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("stage", "read") in stages}


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
