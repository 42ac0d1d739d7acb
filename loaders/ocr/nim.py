"""The OCR engine `nim`: nemotron-ocr behind HTTP, in NVIDIA's container on a machine of yours, or at NVIDIA.

Comes in: page images, sent as PNG or JPEG. Goes out: words with quads in image pixels, and word, line and paragraph
links. The service gives no links, only the page at one merge level; so a page is asked for at all three, and what
belongs to what is found again by boxes and texts (see nim_levels). Options of `open_engine`:

    url           a container's address, or the whole address of its route; with `hosted`, "" is NVIDIA's own
    route         "auto" | "/v1/ocr" (containers 2.x) | "/v1/infer" (1.x); "auto": the second where the first is 404
    hosted        NVIDIA's endpoint: with a key, one image per request, fewer than 180,000 base64 characters of it
    model         "nvidia/nemotron-ocr-v1" | "nvidia/nemotron-ocr-v2", of the hosted endpoint
    key_file      file whose first line is the key; else, if hosted, the environment variable NVIDIA_API_KEY
    relations     False: ask for words only, a third of the cost; the pipeline then finds lines by itself
    batch         images per request; 0: 9 to a container, 1 hosted
    image_format  "jpeg" (quality 95, which containers decode in batches) | "png"
    timeout       seconds for a request, and for a result that is promised (202)
    retries       repetitions after 429, 5xx and broken connections, waiting `backoff` seconds, then twice as long, ...

The key goes to that address only, never over plain HTTP to another machine, and is in no message, repr or digest.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal
from urllib.parse import urlsplit

from loaders.document import PageImage, PageText
from loaders.errors import EngineNotReady, UsageError
from loaders.ocr.nim_http import Key, NoSuchRoute, Service, import_httpx, shown
from loaders.ocr.nim_images import data_uri
from loaders.ocr.nim_levels import Detections, join_levels, parse_answer, parse_detections, words_only

LOCAL_URL = "http://localhost:8000"
HOSTED_URL = "https://ai.api.nvidia.com/v1/cv/"
MODELS = ("nvidia/nemotron-ocr-v1", "nvidia/nemotron-ocr-v2")
ROUTES = ("/v1/ocr", "/v1/infer")
HEALTH = "/v1/health/ready"
KEY_VARIABLE = "NVIDIA_API_KEY"
INLINE_LIMIT = 180_000  # base64 characters
LEVELS = ("word", "sentence", "paragraph")
REVISION = 1
"""Raised when the same answers would be read otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `open_engine`, checked; see the module."""

    url: str = ""
    route: str = "auto"
    hosted: bool = False
    model: str = MODELS[0]
    key_file: str = ""
    relations: bool = True
    batch: int = 0
    image_format: Literal["jpeg", "png"] = "jpeg"
    timeout: float = 120.0
    retries: int = 5
    backoff: float = 0.5

    def __post_init__(self) -> None:
        for name, allowed in (("route", ("auto", *ROUTES)), ("model", MODELS), ("image_format", ("jpeg", "png"))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if self.batch < 0 or self.retries < 0 or self.timeout <= 0 or self.backoff < 0:
            raise UsageError("batch, retries and backoff are not negative, timeout is more than 0")
        parts = urlsplit(self.url or LOCAL_URL)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise UsageError(f"url={shown(self.url)!r}; write it as http://host:8000, a key goes into key_file")


def open_engine(**options: Any) -> NimEngine:
    """Open the engine; options as in the module. Raises UsageError, MissingExtra, EngineNotReady without a key."""
    known = {field.name for field in fields(Options)}
    if unknown := [name for name in options if name not in known]:
        raise UsageError(f"nim has no option {unknown[0]!r}; there are {', '.join(sorted(known))}")
    import_httpx()
    return NimEngine(Options(**options))


def check() -> str:
    """Say that a key for the hosted endpoint is set, or that a container answers at localhost:8000."""
    httpx = import_httpx()
    version = f"httpx {importlib.metadata.version('httpx')}"
    if os.environ.get(KEY_VARIABLE):
        return f"hosted: a key is in {KEY_VARIABLE}; {version}"
    try:
        if httpx.get(LOCAL_URL + HEALTH, timeout=1.0).status_code == 200:
            return f"a container answers at {LOCAL_URL}; {version}"
    except httpx.HTTPError:
        pass
    raise EngineNotReady(f"no container answers at {LOCAL_URL}, and {KEY_VARIABLE} is not set; options are url, hosted")


class NimEngine:
    """Reads page images by asking a service."""

    name = "nim"

    def __init__(self, options: Options) -> None:
        self.options = options
        key = _key(options)
        self._service = Service(key, options.timeout, options.retries, options.backoff)
        self._url = _address(options)
        self._limit = INLINE_LIMIT if options.hosted else None
        self._batch = options.batch or (1 if options.hosted else 3 * len(LEVELS))

    def __repr__(self) -> str:
        return f"NimEngine({shown(self._url)!r})"

    @property
    def digest(self) -> str:
        """Identify address, model and options; what a container runs inside, it does not say."""
        options = self.options
        shaping = [REVISION, shown(_address(options)), options.hosted and options.model, options.relations]
        shaping += [options.image_format, self._limit]
        return hashlib.sha256(json.dumps([self.name, *shaping]).encode()).hexdigest()

    def read(self, images: Sequence[PageImage]) -> list[PageText]:
        """Read each image. Raises EngineNotReady when nobody answers or the key is refused, else EngineError."""
        levels = LEVELS if self.options.relations else LEVELS[:1]
        uris = [data_uri(image.pixels, self.options.image_format, self._limit) for image in images]
        found = list(self._ask([(uri, level) for uri in uris for level in levels]))
        pages = []
        for number, image in enumerate(images):
            height, width = image.pixels.shape[:2]
            own = found[number * len(levels) : (number + 1) * len(levels)]
            pages.append(_page(*(parse_detections(entries, width, height) for entries in own)))
        return pages

    def _ask(self, wanted: Sequence[tuple[str, str]]) -> Iterator[list[Any]]:
        """Ask for images (data URI, merge level), some at a time; yields the detections of each."""
        for start in range(0, len(wanted), self._batch):
            some = wanted[start : start + self._batch]
            request = {
                "input": [{"type": "image_url", "url": uri} for uri, _ in some],
                "merge_levels": [level for _, level in some],
            }
            yield from parse_answer(self._post(request), len(some))

    def _post(self, request: Any) -> Any:
        """Send a request; a container that does not know the newer route is asked at the older one from then on."""
        newer, older = (_origin(self.options) + route for route in ROUTES)
        try:
            return self._service.post(self._url, request)
        except NoSuchRoute:
            if self.options.route != "auto" or self._url != newer:
                raise
        self._url = older
        return self._service.post(self._url, request)


def _page(words: Detections, *merged: Detections) -> PageText:
    return join_levels(words, *merged) if merged else words_only(words)


def _address(options: Options) -> str:
    if options.hosted and not options.url:
        return HOSTED_URL + options.model
    if urlsplit(options.url).path.strip("/"):
        return options.url
    return _origin(options) + (ROUTES[0] if options.route == "auto" else options.route)


def _origin(options: Options) -> str:
    return (options.url or LOCAL_URL).rstrip("/")


def _key(options: Options) -> Key | None:
    """Find the key; the environment's is for the hosted endpoint only."""
    if options.key_file:
        return Key.of_file(options.key_file)
    if not options.hosted:
        return None
    value = os.environ.get(KEY_VARIABLE, "").strip()
    if not value:
        raise EngineNotReady(f"the hosted endpoint wants a key: set {KEY_VARIABLE}, or give key_file")
    return Key(value, KEY_VARIABLE)
