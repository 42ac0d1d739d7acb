"""What several tests share: the sample documents, the evaluation packs where they are, a reader opened once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ROOT / "notebooks" / "documents"


@pytest.fixture(scope="session")
def documents() -> Path:
    """The folder of sample documents."""
    return DOCUMENTS


@pytest.fixture(scope="session")
def packs() -> Path:
    """The folder of evaluation packs; skips where there is none."""
    folder = Path(os.environ.get("OCR_INGEST_PACKS", ROOT.parent / "shared" / "packs"))
    if not folder.is_dir():
        pytest.skip(f"no evaluation packs at {folder}; set OCR_INGEST_PACKS")
    return folder
