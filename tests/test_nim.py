"""The engine `nim` over a real HTTP service on this machine, which checks every request and misbehaves on order."""

from __future__ import annotations

import itertools
import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nim_service import Detection, Script, serving

from loaders.document import PageImage, PageText
from loaders.errors import EngineError, EngineNotReady, UsageError
from loaders.geometry import boxes_from_quads, quads_from_boxes
from loaders.ocr import OcrEngine, nim
from loaders.ocr.nim_http import Key, Service, shown
from loaders.ocr.nim_images import data_uri
from loaders.ocr.nim_levels import Detections, join_levels

KEY = "nvapi-0123456789-secret"

WORDS: list[Detection] = [
    ("a", 0.9, (0.10, 0.10, 0.14, 0.14)),  # as the service orders words: across columns
    ("right", 0.8, (0.60, 0.10, 0.70, 0.14)),
    ("is", 0.7, (0.16, 0.10, 0.20, 0.14)),
    ("is", 0.95, (0.60, 0.16, 0.64, 0.20)),
    ("a", 0.9, (0.10, 0.16, 0.14, 0.20)),
]
LINES: list[Detection] = [
    ("a is", 0.8, (0.10, 0.10, 0.20, 0.14)),
    ("right", 0.8, (0.60, 0.10, 0.70, 0.14)),
    ("a", 0.9, (0.10, 0.16, 0.14, 0.20)),
    ("is", 0.95, (0.60, 0.16, 0.64, 0.20)),
]
PARAGRAPHS: list[Detection] = [
    ("a is a", 0.85, (0.10, 0.10, 0.20, 0.20)),
    ("right is", 0.9, (0.60, 0.10, 0.70, 0.20)),
]
PAGE = {"word": WORDS, "sentence": LINES, "paragraph": PARAGRAPHS}
BLANK: dict[str, list[Detection]] = {"word": [], "sentence": [], "paragraph": []}
OTHER = {level: [("other", 0.5, (0.2, 0.2, 0.4, 0.3))] for level in PAGE}


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NVIDIA_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def pages() -> dict[int, dict[str, list[Detection]]]:
    return {50: PAGE, 250: BLANK, 150: OTHER}


def page(red: int, height: int = 200, width: int = 400) -> PageImage:
    return PageImage.of(np.full((height, width, 3), red, np.uint8))


def opened(url: str, **options: Any) -> nim.NimEngine:
    return nim.open_engine(**{"url": url, "backoff": 0.01, "retries": 3, "timeout": 20.0} | options)


def structure(text: PageText) -> list[list[str]]:
    """Return the lines of each paragraph, found by the links."""
    assert text.relations is not None and text.relations.line is not None
    lines = [" ".join(text.words.texts[k] for k in chain) for chain in chains(text.relations.word.target)]
    return [[lines[k] for k in chain] for chain in chains(text.relations.line.target)]


def chains(target: np.ndarray) -> list[list[int]]:
    found = []
    for head in sorted(set(range(len(target))) - set(target.tolist())):
        chain = [head]
        while target[chain[-1]] >= 0:
            chain.append(int(target[chain[-1]]))
        found.append(chain)
    return found


# -- what comes back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_words_and_their_links_come_from_three_levels(image_format: str) -> None:
    script = Script(pages())
    with serving(script) as url:
        (text,) = opened(url, image_format=image_format).read([page(50)])
    assert structure(text) == [["a is", "a"], ["right", "is"]]
    assert text.words.texts == ("a", "is", "a", "right", "is")
    expected = np.array([WORDS[k][2] for k in (0, 2, 4, 1, 3)]) * [400, 200, 400, 200]
    np.testing.assert_allclose(boxes_from_quads(text.words.quads), expected, rtol=1e-5)
    np.testing.assert_allclose(text.words.confidences, [WORDS[k][1] for k in (0, 2, 4, 1, 3)])
    (request,) = script.requests
    assert request["merge_levels"] == ["word", "sentence", "paragraph"]
    assert script.sizes == [(400, 200)] * 3


def test_words_alone_cost_one_image() -> None:
    script = Script(pages())
    with serving(script) as url:
        (text,) = opened(url, relations=False).read([page(50)])
    assert text.words.texts == tuple(word for word, _, _ in WORDS)
    assert text.relations is None
    assert [request["merge_levels"] for request in script.requests] == [["word"]]


@pytest.mark.parametrize(("batch", "sizes"), [(0, [9]), (4, [4, 4, 1]), (1, [1] * 9)])
def test_pages_are_sent_in_batches_and_do_not_mix(batch: int, sizes: list[int]) -> None:
    script = Script(pages())
    with serving(script) as url:
        found = opened(url, batch=batch).read([page(150, 100, 300), page(250), page(50)])
    assert [text.words.texts for text in found] == [("other",), (), ("a", "is", "a", "right", "is")]
    np.testing.assert_allclose(boxes_from_quads(found[0].words.quads), [[60, 20, 120, 30]], rtol=1e-5)
    assert [len(request["input"]) for request in script.requests] == sizes


def test_no_pages_cost_no_request() -> None:
    script = Script(pages())
    with serving(script) as url:
        assert opened(url).read([]) == []
    assert script.requests == []


# -- where it goes -----------------------------------------------------------------------------------------------------


def test_an_older_container_is_found_at_its_route() -> None:
    script = Script(pages(), routes=("/v1/infer",))
    with serving(script) as url:
        engine = opened(url)
        before = engine.digest
        engine.read([page(50)])
        engine.read([page(50)])
    assert script.paths == ["/v1/ocr", "/v1/infer", "/v1/infer"]
    assert engine.digest == before


@pytest.mark.parametrize("how", [{"route": "/v1/infer"}, {"path": "/v1/infer"}])
def test_a_given_route_is_the_only_one_asked(how: dict[str, str]) -> None:
    script = Script(pages(), routes=("/v1/ocr",))
    with serving(script) as url, pytest.raises(EngineError, match="404"):
        opened(url + how.pop("path", ""), **how).read([page(50)])
    assert script.paths == ["/v1/infer"]


def test_the_hosted_endpoint_gets_the_key_and_small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    route = "/v1/cv/nvidia/nemotron-ocr-v1"
    script = Script(pages(), routes=(route,), key=KEY, limit=180_000)
    noise = np.random.default_rng(0).integers(0, 100, (1700, 1300, 3), dtype=np.uint8)
    with serving(script) as url:
        with pytest.raises(EngineNotReady, match="NVIDIA_API_KEY"):
            opened(url + route, hosted=True)
        monkeypatch.setenv("NVIDIA_API_KEY", f" {KEY}\n")
        (text,) = opened(url + route, hosted=True).read([PageImage.of(noise)])
    assert [len(request["input"]) for request in script.requests] == [1, 1, 1]
    assert all(width < 1300 for width, _ in script.sizes)
    np.testing.assert_allclose(boxes_from_quads(text.words.quads)[0], [130, 170, 182, 238], rtol=1e-4)


def test_the_environments_key_goes_to_the_hosted_endpoint_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    assert nim.open_engine(url="http://localhost:8000")._service.key is None
    hosted = nim.open_engine(hosted=True, model="nvidia/nemotron-ocr-v2")
    assert hosted._url == "https://ai.api.nvidia.com/v1/cv/nvidia/nemotron-ocr-v2"
    assert hosted._service.key is not None


def test_a_key_file_serves_a_container_behind_a_gate(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\nnot this\n")
    script = Script(pages(), key=KEY)
    with serving(script) as url:
        assert len(opened(url, key_file=str(file)).read([page(50)])) == 1
        with pytest.raises(EngineNotReady, match="refuses the key"):
            opened(url).read([page(50)])
    with pytest.raises(EngineNotReady, match="cannot be read"):
        opened("http://localhost", key_file=str(tmp_path / "none"))


# -- when it goes wrong -----------------------------------------------------------------------------------------------


def test_busy_and_broken_services_are_asked_again() -> None:
    script = Script(pages(), trouble=["429", "500", "hang up"])
    with serving(script) as url:
        (text,) = opened(url).read([page(50)])
    assert len(text.words) == 5
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    ("status", "requests"), [("500", 4), ("503", 4), ("429", 4), ("400", 1), ("422", 1), ("302", 1)]
)
def test_a_service_that_stays_broken_is_an_error(status: str, requests: int) -> None:
    script = Script(pages(), trouble=[status] * 10)
    with serving(script) as url, pytest.raises(EngineError, match=f"answered {status}"):
        opened(url).read([page(50)])
    assert len(script.requests) == requests


def test_nobody_there_says_so() -> None:
    with serving(Script(pages())) as url:
        pass
    with pytest.raises(EngineNotReady, match=f"nobody answers at {url}"):
        opened(url, retries=1).read([page(50)])


def test_a_promised_result_is_asked_for() -> None:
    script = Script(pages(), key=KEY, trouble=["promise", "still", "still"])
    with serving(script) as url:
        service = Service(Key(KEY, "the test"), timeout=10, retries=0, backoff=0.01)
        answer = service.post(url + "/v1/ocr", request_of("word"))
    assert len(answer["data"]) == 1
    assert script.paths == ["/v1/ocr", *["/v1/status/abc-123"] * 3]


def request_of(level: str) -> dict[str, Any]:
    uri = data_uri(page(50).pixels, "png")
    return {"input": [{"type": "image_url", "url": uri}], "merge_levels": [level]}


def test_a_promise_that_is_not_kept_is_an_error() -> None:
    script = Script(pages(), trouble=["promise", *["still"] * 200])
    with serving(script) as url, pytest.raises(EngineError, match="promised a result"):
        Service(timeout=0.3, retries=0, backoff=0.01).post(url + "/v1/ocr", request_of("word"))
    script = Script(pages(), trouble=["promise nothing"])
    with serving(script) as url, pytest.raises(EngineError, match="NVCF-REQID"):
        Service(timeout=0.3, retries=0).post(url + "/v1/ocr", request_of("word"))
    assert script.paths == ["/v1/ocr"]  # nothing was asked elsewhere


@pytest.mark.parametrize("trouble", ["hang", "drip"])
def test_a_slow_answer_ends_at_the_timeout(trouble: str) -> None:
    script = Script(pages(), trouble=[trouble] * 3)
    started = time.monotonic()
    with serving(script) as url, pytest.raises(EngineError, match=r"within 0\.4 s"):
        opened(url, timeout=0.4).read([page(50)])
    assert time.monotonic() - started < 5
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("garbage", "no JSON"),
        ("not a page", "no list 'data'"),
        ("one less", "answered for 2 images"),
        ("twice the same", "indices"),
        ("no detections", "text_detections"),
        ("three points", "four finite points"),
        ("not a number", "four finite points"),
        ("no text", "four finite points"),
    ],
)
def test_nonsense_is_an_error_and_not_an_empty_page(trouble: str, message: str) -> None:
    script = Script(pages(), trouble=[trouble])
    with serving(script) as url, pytest.raises(EngineError, match=message):
        opened(url).read([page(50)])


# -- the key is nowhere ------------------------------------------------------------------------------------------------


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[dict[str, Any]]:
    file = tmp_path / "key"
    file.write_text(KEY)
    yield {"key_file": str(file), "retries": 0}


@pytest.mark.parametrize("trouble", ["401", "403", "400", "500", "302"])
def test_no_message_repeats_the_key(trouble: str, keyed: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """The service repeats all headers it got, the key among them, in its answer."""
    caplog.set_level(logging.DEBUG)
    script = Script(pages(), key=KEY, trouble=[trouble])
    with serving(script) as url, pytest.raises(EngineError) as caught:
        opened(url, **keyed).read([page(50)])
    said: list[BaseException | None] = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert KEY not in " ".join(f"{one!r} {one}" for one in said) + caplog.text
    assert trouble in str(caught.value)


def test_neither_repr_nor_digest_nor_pickle_holds_the_key(keyed: dict[str, Any]) -> None:
    engine = opened("https://host.example", **keyed)
    assert KEY not in repr(engine) + repr(engine._service) + repr(engine.options) + engine.digest
    assert KEY not in repr(vars(engine))
    with pytest.raises(TypeError):
        pickle.dumps(engine)
    Path(keyed["key_file"]).write_text("another-key")
    assert opened("https://host.example", **keyed).digest == engine.digest


def test_the_key_does_not_leave_in_the_clear(keyed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="plain HTTP"):
        opened("http://ocr.example:8000", **keyed).read([page(50)])


@pytest.mark.parametrize("value", ["", "two words", "line\nbreak", "clé"])
def test_a_key_that_is_none_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        Key(value, "the test")
    assert not value or value not in str(caught.value)


def test_addresses_are_shown_without_secrets() -> None:
    assert shown("https://user:pass@host:8/v1/ocr?token=1") == "https://host:8/v1/ocr"


# -- small parts ------------------------------------------------------------------------------------------------------


def test_an_image_is_made_smaller_only_as_far_as_it_must() -> None:
    flat = np.full((900, 1200, 3), 200, np.uint8)
    assert data_uri(flat, "png", 180_000).startswith("data:image/png;base64,")
    noise = np.random.default_rng(1).integers(0, 255, (600, 600, 3), dtype=np.uint8)
    limited = data_uri(noise, "png", 180_000)
    assert limited.startswith("data:image/jpeg;base64,")
    assert 60_000 < len(limited) - len("data:image/jpeg;base64,") < 180_000
    with pytest.raises(EngineError, match="cannot be sent within 100"):
        data_uri(noise, "jpeg", 100)


@st.composite
def laid_out(draw: st.DrawFn) -> list[list[list[str]]]:
    """Paragraphs of lines of words, many of them the same word."""
    word = st.sampled_from(["a", "is", "the", "22", "of", "in the"])
    line = st.lists(word, min_size=1, max_size=4)
    return draw(st.lists(st.lists(line, min_size=1, max_size=3), min_size=1, max_size=4))


def detections(boxes: list[tuple[float, ...]], texts: list[str]) -> Detections:
    return Detections(quads_from_boxes(boxes or np.zeros((0, 4))), tuple(texts), np.ones(len(texts), np.float32))


def levels_of(page: list[list[list[str]]], shuffled: np.random.Generator) -> tuple[Detections, Detections, Detections]:
    """Lay paragraphs out in two columns, merge them as the service does, and shuffle the words."""
    words: list[tuple[tuple[float, ...], str]] = []
    lines, paragraphs = [], []
    tops = [0.0, 0.0]
    for number, paragraph in enumerate(page):
        x, inner = 500.0 * (number % 2), []
        for line in paragraph:
            top, at, own = tops[number % 2], x, []
            for word in line:
                own.append((at, top, at + 10 * len(word), top + 18))
                words.append((own[-1], word))
                at += 10 * len(word) + 8
            inner.append(around(own))
            lines.append((inner[-1], " ".join(line)))
            tops[number % 2] += 20
        paragraphs.append((around(inner), " ".join(" ".join(line) for line in paragraph)))
        tops[number % 2] += 30
    order = shuffled.permutation(len(words))
    one, two, three = ([words[k] for k in order], lines, paragraphs)
    return tuple(detections([b for b, _ in part], [t for _, t in part]) for part in (one, two, three))  # type: ignore[return-value]


def around(boxes: list[tuple[float, ...]]) -> tuple[float, ...]:
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return (*low[:2].tolist(), *high[2:].tolist())


@given(laid_out(), st.integers(0, 1000))
@settings(max_examples=80, deadline=None)
def test_levels_are_joined_back_into_what_was_merged(page: list[list[list[str]]], seed: int) -> None:
    text = join_levels(*levels_of(page, np.random.default_rng(seed)))
    assert structure(text) == [[" ".join(line) for line in paragraph] for paragraph in page]


@given(laid_out(), st.integers(0, 1000), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost_when_levels_disagree(page: list[list[list[str]]], seed: int, harm: int) -> None:
    words, lines, paragraphs = levels_of(page, np.random.default_rng(seed))
    if harm % 2:
        lines = Detections(lines.quads, tuple("?" for _ in lines.texts), lines.confidences)
    if harm // 2:
        paragraphs = Detections(paragraphs.quads + 2000, paragraphs.texts, paragraphs.confidences)
    text = join_levels(words, lines, paragraphs)
    assert sorted(text.words.texts) == sorted(words.texts)
    flat = itertools.chain.from_iterable(
        itertools.chain.from_iterable(line.split() for line in p) for p in structure(text)
    )
    assert sorted(flat) == sorted(" ".join(words.texts).split())


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://host"},
        {"url": "http://user:pass@host"},
        {"url": "host:8000"},
        {"route": "/v2/ocr"},
        {"model": "nvidia/other"},
        {"image_format": "gif"},
        {"timeout": 0},
        {"retries": -1},
        {"key": KEY},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        nim.open_engine(**options)
    assert KEY not in str(caught.value) and "pass" not in str(caught.value)


def test_the_engine_is_one_and_digests_know_its_options() -> None:
    engine = nim.open_engine()
    assert isinstance(engine, OcrEngine)
    assert engine.digest == nim.open_engine(url="http://localhost:8000", batch=3, retries=1, timeout=5.0).digest
    others = [{"relations": False}, {"image_format": "png"}, {"url": "http://other:8000"}, {"route": "/v1/infer"}]
    assert len({nim.open_engine(**other).digest for other in others} | {engine.digest}) == 5


def test_check_knows_of_a_key_and_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nim, "LOCAL_URL", "http://127.0.0.1:9")
    with pytest.raises(EngineNotReady, match="NVIDIA_API_KEY"):
        nim.check()
    monkeypatch.setenv("NVIDIA_API_KEY", KEY)
    assert "hosted" in nim.check()
    assert KEY not in nim.check()


def test_importing_the_engine_imports_no_client() -> None:
    code = "import sys, loaders.ocr.nim; assert not {'httpx', 'PIL', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
