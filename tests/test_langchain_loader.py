"""The contract of a LangChain loader and blob parser (langchain-tests has no suite for them)."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.indexing import InMemoryRecordManager, index
from langchain_core.vectorstores import InMemoryVectorStore

from loaders.errors import FailureWarning, OcrIngestError, UsageError
from loaders.langchain_loader import OcrBlobParser, OcrLoader, attach_boxes
from loaders.pipeline import load

LAYER: dict[str, Any] = {"text": "layer"}


@pytest.fixture
def folder(tmp_path: Path, documents: Path) -> Path:
    target = tmp_path / "files"
    target.mkdir()
    for name in ("invoice.pdf", "report.pdf"):
        shutil.copy(documents / name, target)
    return target


def test_load_equals_lazy_load_again_and_again(folder: Path) -> None:
    loader = OcrLoader(folder, **LAYER)
    first = loader.load()
    assert first == list(loader.lazy_load()) == loader.load()
    assert len({document.metadata["file_name"] for document in first}) == 2


def test_the_second_file_is_not_touched_until_asked_for(folder: Path) -> None:
    documents = OcrLoader([folder / "invoice.pdf", folder / "report.pdf"], **LAYER).lazy_load()
    next(documents)
    (folder / "report.pdf").unlink()  # had it been opened or listed already, this would not be noticed
    with pytest.warns(FailureWarning, match=r"report\.pdf.*SourceNotFound"):
        rest = list(documents)
    assert all(document.metadata["file_name"] == "invoice.pdf" for document in rest)


@pytest.mark.parametrize("by", ["chunk", "page", "document"])
def test_metadata_are_json_scalars_and_name_the_source(folder: Path, by: Any) -> None:
    for document in OcrLoader(folder, by=by, **LAYER).lazy_load():
        assert all(type(value) in (str, int, float, bool) for value in document.metadata.values())
        assert json.loads(json.dumps(document.metadata)) == document.metadata
        assert document.metadata["source"].endswith(document.metadata["file_name"])
        assert document.id
        assert document.page_content.strip()


def test_one_document_per_page_and_per_file(folder: Path) -> None:
    pages = OcrLoader(folder / "report.pdf", by="page", **LAYER).load()
    assert [document.metadata["page_number"] for document in pages] == [1, 2, 3]
    (whole,) = OcrLoader(folder / "report.pdf", by="document", **LAYER).load()
    assert whole.page_content == load(folder / "report.pdf", **LAYER).text


async def test_concurrent_asynchronous_loads_agree(folder: Path) -> None:
    loader = OcrLoader(folder, **LAYER)

    async def collect() -> list[Document]:
        return [document async for document in loader.alazy_load()]

    first, second = await asyncio.gather(collect(), collect())
    assert first == second == loader.load()


def test_a_blob_equals_its_path(folder: Path) -> None:
    path = folder / "invoice.pdf"
    parser = OcrBlobParser(**LAYER)
    from_path = list(parser.lazy_parse(Blob.from_path(path)))
    from_bytes = list(parser.lazy_parse(Blob.from_data(path.read_bytes(), path=str(path))))
    assert from_path == from_bytes == OcrLoader(str(path), **LAYER).load()


def test_indexing_twice_adds_nothing(folder: Path) -> None:
    records = InMemoryRecordManager("test")
    records.create_schema()
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
    options: dict[str, Any] = {"cleanup": "incremental", "source_id_key": "source", "key_encoder": "sha256"}
    first = index(OcrLoader(folder, **LAYER), records, store, **options)
    second = index(OcrLoader(folder, **LAYER), records, store, **options)
    assert first["num_added"] > 0
    assert (second["num_added"], second["num_updated"], second["num_deleted"]) == (0, 0, 0)


def test_boxes_survive_a_foreign_splitter(folder: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    (whole,) = OcrLoader(folder / "report.pdf", by="document", cache=cache, **LAYER).load()
    start = whole.page_content.index("vibration alarm")
    piece = Document("vibration alarm", metadata={**whole.metadata, "start_index": start})
    (boxed,) = attach_boxes([piece], cache)
    expected = load(folder / "report.pdf", **LAYER).boxes_for(start, start + len("vibration alarm"))
    assert json.loads(boxed.metadata["boxes"]) == [[b.page_number, *b.box.rounded()] for b in expected]
    assert boxed.metadata["page_number"] == 2


def test_a_splitter_must_keep_positions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="add_start_index"):
        attach_boxes([Document("text", metadata={"doc_id": "x"})], str(tmp_path))


def test_failures_are_warned_of_or_raised(tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    loader = OcrLoader(tmp_path / "empty.pdf", **LAYER)
    with pytest.warns(FailureWarning, match="zero bytes"):
        assert loader.load() == []
    assert [failure.stage for failure in loader.failures] == ["open"]
    with pytest.raises(OcrIngestError, match="zero bytes"):
        OcrLoader(tmp_path / "empty.pdf", on_failure="raise", **LAYER).load()


def test_wrong_use() -> None:
    with pytest.raises(UsageError, match="choose chunk, page or document"):
        OcrBlobParser(by="word")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="choose warn or raise"):
        OcrBlobParser(on_failure="ignore")  # type: ignore[arg-type]
