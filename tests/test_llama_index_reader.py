"""The contract of a LlamaIndex reader, and boxes for the nodes of any splitter."""

from __future__ import annotations

import asyncio
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import pytest
from llama_index.core import MockEmbedding, SimpleDirectoryReader
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import MetadataMode, NodeRelationship
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore

from loaders.errors import FailureWarning, StoreError
from loaders.llama_index_reader import AttachBoxes, OcrReader
from loaders.pipeline import load

LAYER: dict[str, Any] = {"text": "layer"}


@pytest.fixture
def report(tmp_path: Path, documents: Path) -> Path:
    return Path(shutil.copy(documents / "report.pdf", tmp_path))


def splitter() -> SentenceSplitter:
    return SentenceSplitter(chunk_size=180, chunk_overlap=20, tokenizer=str.split)


def test_one_document_per_file_whose_text_is_ours(report: Path) -> None:
    (document,) = OcrReader(settings=LAYER).load_data(report, extra_info={"team": "north"})
    ours = load(report, **LAYER)
    assert document.text == ours.text
    assert document.id_ == ours.doc_id
    assert document.metadata["team"] == "north"
    assert all(type(value) in (str, int, float, bool) for value in document.metadata.values())


def test_boxes_and_ids_reach_neither_embedding_nor_model(report: Path) -> None:
    for node in OcrReader(settings=LAYER).load_nodes(report):
        for mode in (MetadataMode.EMBED, MetadataMode.LLM):
            shown = {line.partition(":")[0] for line in node.get_metadata_str(mode).splitlines()}
            assert "headings" in shown
            assert not shown & {"boxes", "bbox", "chunk_id", "doc_id", "chunk_hash", "config_id"}


def test_nodes_are_the_chunks_in_a_chain(report: Path) -> None:
    nodes, chunks = OcrReader(settings=LAYER).load_nodes(report), load(report, **LAYER).chunks
    assert [(n.node_id, n.text, n.start_char_idx, n.end_char_idx) for n in nodes] == [
        (c.chunk_id, c.text, c.start, c.end) for c in chunks
    ]
    assert NodeRelationship.PREVIOUS not in nodes[0].relationships
    assert all(
        after.relationships[NodeRelationship.PREVIOUS].node_id == before.node_id  # type: ignore[union-attr]
        for before, after in pairwise(nodes)
    )
    assert {node.ref_doc_id for node in nodes} == {chunks[0].doc_id}


def test_a_pipeline_run_twice_adds_nothing(report: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    pipeline = IngestionPipeline(
        transformations=[splitter(), AttachBoxes(cache=cache), MockEmbedding(embed_dim=8)],
        docstore=SimpleDocumentStore(),
        vector_store=SimpleVectorStore(),
        disable_cache=True,
    )
    first = pipeline.run(documents=OcrReader(settings=LAYER, cache=cache).load_data(report))
    second = pipeline.run(documents=OcrReader(settings=LAYER, cache=cache).load_data(report))
    assert len(first) > 10
    assert second == []


def test_boxes_survive_a_foreign_splitter(report: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    documents = OcrReader(settings=LAYER, cache=cache).load_data(report)
    nodes = IngestionPipeline(transformations=[splitter(), AttachBoxes(cache=cache)], disable_cache=True).run(
        documents=documents
    )
    ours = load(report, **LAYER)
    for node in nodes:
        expected = ours.boxes_for(node.start_char_idx, node.end_char_idx)  # type: ignore[attr-defined]
        assert json.loads(node.metadata["boxes"]) == [[b.page_number, *b.box.rounded()] for b in expected]


def test_attaching_needs_the_readers_cache(report: Path, tmp_path: Path) -> None:
    documents = OcrReader(settings=LAYER).load_data(report)
    with pytest.raises(StoreError, match="add the document first"):
        AttachBoxes(cache=str(tmp_path / "other"))(splitter()(documents))


def test_as_file_extractor_of_a_directory_reader(report: Path) -> None:
    reader = SimpleDirectoryReader(
        input_files=[str(report)], file_extractor={".pdf": OcrReader(settings=LAYER)}, filename_as_id=False
    )
    (document,) = reader.load_data()
    assert document.text == load(report, **LAYER).text
    assert document.metadata["file_name"] == "report.pdf"


async def test_concurrent_asynchronous_loads_agree(report: Path) -> None:
    reader = OcrReader(settings=LAYER)
    first, second = await asyncio.gather(reader.aload_data(report), reader.aload_data(report))
    lazily = [document async for document in reader.alazy_load_data(report)]
    assert first == second == lazily == reader.load_data(report)


def test_another_filesystem(report: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/reader/report.pdf", report.read_bytes())
    (document,) = OcrReader(settings=LAYER).load_data("/reader/report.pdf", fs=memory)
    assert document.id_ == load(report, **LAYER).doc_id


def test_survives_serialisation(report: Path) -> None:
    reader = OcrReader(settings=LAYER, cache="somewhere")
    again = OcrReader.from_dict(reader.to_dict())
    assert (again.settings, again.cache) == (reader.settings, reader.cache)


def test_a_broken_file_is_warned_of_and_listed(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"")
    reader = OcrReader(settings=LAYER)
    with pytest.warns(FailureWarning, match="zero bytes"):
        assert reader.load_data(tmp_path / "broken.pdf") == []
    assert len(reader.failures) == 1
