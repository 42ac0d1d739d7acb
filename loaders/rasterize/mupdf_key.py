"""The hash of all that one PDF page says and shows, and of nothing else in its file.

In comes an open PyMuPDF document (whose lock the caller holds), out a sha256 per page. Objects are hashed by their
content, with every reference replaced by the hash of what it refers to, so object numbers do not matter; only those
resources count that the page's content names, so editing a page leaves the keys of all others alone, even where pages
share one resource dictionary. What many pages share is hashed once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from loaders.geometry import Frame

if TYPE_CHECKING:
    import pymupdf

MOST_OBJECTS = 50_000
"""A page that reaches more objects than this is hashed as the whole file instead."""
DEEPEST = 150
MOST_DECODED = 64 << 20
"""Larger pictures are hashed as stored, so that hashing takes no more memory than showing."""

_REFERENCE = re.compile(r"\b(\d+) \d+ R\b")
_NAME = re.compile(rb"/([^\s/<>\[\](){}%]+)")
_TOKEN = re.compile(
    r"<<|>>|\[|\]|\((?:[^()\\]|\\.|\((?:[^()\\]|\\.|\([^()]*\))*\))*\)|<[0-9A-Fa-f\s]*>|/[^\s/<>\[\](){}%]*|[^\s/<>\[\]()]+",
    re.DOTALL,
)
_RESOURCES = ("XObject", "Font", "Pattern", "Shading", "ColorSpace", "ExtGState", "Properties")
_STORAGE = frozenset({"Length", "Filter", "DecodeParms", "DL"})
_ELSEWHERE = frozenset(
    {"Parent", "StructParent", "StructParents", "Metadata", "PieceInfo", "LastModified"}
    | {"P", "Popup", "IRT", "Dest", "A", "AA", "PA", "M", "NM", "CreationDate"}  # of annotations
)
_CODECS = ("DCT", "JPX", "JBIG2", "CCF", "CCITT")
_CUT = frozenset({"/Page", "/Pages", "/Catalog"})


class _Tangled(Exception):
    """The page reaches more objects, or deeper, than is sensible."""


class PageKeys:
    """Hashes pages of one document, remembering what they share. `fallback` names the whole file."""

    def __init__(self, pdf: pymupdf.Document, fallback: str) -> None:
        self._pdf, self._fallback = pdf, fallback
        self._known: dict[int, bytes] = {}
        self._known_here: dict[int, bytes] = {}
        self._loops = 0
        self._stack: dict[int, int] = {}
        self._visited = 0
        self._layers = self._pdf.xref_get_key(self._pdf.pdf_catalog(), "OCProperties/D")[1]

    def of(self, index: int, frame: Frame) -> str:
        """Return the key of the page at a 0-based index, displayed in `frame`; hexadecimal."""
        self._visited = 0
        self._stack.clear()
        self._known_here.clear()
        try:
            xref = self._pdf.page_xref(index)
            content = b"\n".join(self._stream(part) for part in self._contents(xref))
            parts = [
                repr((frame.width, frame.height, frame.rotation, frame.crop)).encode(),
                hashlib.sha256(content).digest(),
                self._used(content, self._resources_of(xref), 0)[0],
                self._text(self._pdf.xref_get_key(xref, "Group")[1], 0)[0],
                self._annotations(xref),
                self._text(self._layers, 0)[0],
            ]
        except (_Tangled, RecursionError):
            parts = [self._fallback.encode(), str(index).encode()]
        return _digest(parts).hex()

    # -- the page -----------------------------------------------------------------------------------------------------

    def _contents(self, xref: int) -> list[int]:
        text = self._pdf.xref_get_key(xref, "Contents")[1]
        resolved = self._resolved(text)
        return _references(resolved if resolved.startswith("[") else text)

    def _resources_of(self, xref: int) -> dict[str, str]:
        """Return the resource dictionary of a page, inherited where it has none of its own."""
        for _ in range(DEEPEST):
            found = self._pdf.xref_get_key(xref, "Resources")
            if found[0] != "null":
                return _entries(self._resolved(found[1]))
            parent = _references(self._pdf.xref_get_key(xref, "Parent")[1])
            if not parent or not self._exists(parent[0]):
                break
            xref = parent[0]
        return {}

    def _annotations(self, xref: int) -> bytes:
        text = self._resolved(self._pdf.xref_get_key(xref, "Annots")[1])
        parts = [self._text(text, 0)[0]]
        for annotation in _references(text):
            parent = _entries(self._object(annotation)).get("Parent")
            for _ in range(8):  # a form field's value may stand in the fields above it
                if not parent or not _references(parent):
                    break
                field = _entries(self._object(_references(parent)[0]))
                parts += [self._text(field[key], 0)[0] for key in ("V", "DA", "Ff", "Opt") if key in field]
                parent = field.get("Parent")
        return _digest(parts)

    # -- objects: a hash, and the lowest place on the stack that it leads back to -------------------------------------

    def _reference(self, xref: int, depth: int) -> tuple[bytes, int]:
        if xref in self._known:
            return self._known[xref], depth
        if xref in self._known_here:
            self._loops += 1
            return self._known_here[xref], depth
        if xref in self._stack:
            self._loops += 1
            return b"cycle", self._stack[xref]
        self._visited += 1
        if self._visited > MOST_OBJECTS or depth > DEEPEST:
            raise _Tangled
        self._stack[xref], loops = depth, self._loops
        digest, low = self._hashed(xref, depth)
        del self._stack[xref]
        # The hash of what has a loop below it depends on where the loop was entered: the same each time this page is
        # hashed, but not from another page. What lies inside a loop that goes on above is not to be remembered at all.
        if loops == self._loops:
            self._known[xref] = digest
        elif low >= depth:
            self._known_here[xref] = digest
        return digest, low

    def _hashed(self, xref: int, depth: int) -> tuple[bytes, int]:
        text = self._object(xref)
        entries = _entries(text)
        if entries.get("Type") in _CUT:
            return b"page", depth
        if not self._exists(xref) or not self._pdf.xref_is_stream(xref):
            return self._text(text, depth)
        if any(codec in entries.get("Filter", "") for codec in _CODECS) or _size_of(entries) > MOST_DECODED:
            digest, low = self._dictionary(entries, depth)
            return _digest([digest, _sha(self._stream(xref, raw=True))]), low
        content = self._stream(xref)  # decoded, since other programs pack it otherwise
        plain = {name: value for name, value in entries.items() if name not in _STORAGE | {"Resources"}}
        digest, low = self._dictionary(plain, depth)
        if entries.get("Subtype") == "/Image":
            return _digest([digest, _sha(content)]), low
        resources = _entries(self._resolved(entries.get("Resources", "")))
        used, lower = self._used(content, resources, depth)
        return _digest([digest, _sha(content), used]), min(low, lower)

    def _used(self, content: bytes, resources: dict[str, str], depth: int) -> tuple[bytes, int]:
        """Hash the resources that a content stream, or a form without its own inside it, names."""
        named = set(_NAME.findall(content))
        groups = {kind: _entries(self._resolved(resources.get(kind, ""))) for kind in _RESOURCES}
        for name, value in groups["XObject"].items():
            if name.encode() in named:
                named |= self._borrowed(value)
        parts, lowest = [], depth
        for kind, entries in groups.items():
            for name in sorted(entries):
                if name.encode() in named or "#" in name:
                    digest, low = self._text(entries[name], depth)
                    parts += [kind.encode(), name.encode(), digest]
                    lowest = min(lowest, low)
        return _digest(parts), lowest

    def _borrowed(self, value: str) -> set[bytes]:
        """Return the names used by a form that has no resources of its own."""
        xrefs = _references(value)
        if not xrefs:
            return set()
        entries = _entries(self._object(xrefs[0]))
        if entries.get("Subtype") != "/Form" or "Resources" in entries:
            return set()
        return set(_NAME.findall(self._stream(xrefs[0])))

    def _text(self, text: str, depth: int) -> tuple[bytes, int]:
        return self._dictionary(_entries(text), depth) if text.startswith("<<") else self._value(text, depth)

    def _dictionary(self, entries: dict[str, str], depth: int) -> tuple[bytes, int]:
        parts, lowest = [], depth
        for name in sorted(entries.keys() - _ELSEWHERE):
            digest, low = self._value(entries[name], depth)
            parts += [name.encode(), digest]
            lowest = min(lowest, low)
        return _digest(parts), lowest

    def _value(self, text: str, depth: int) -> tuple[bytes, int]:
        """Hash any value, with what its references lead to in their place."""
        parts, lowest, end = [], depth, 0
        for match in _REFERENCE.finditer(text):
            digest, low = self._reference(int(match[1]), depth + 1)
            parts += [text[end : match.start()].encode("utf-8", "replace"), digest]
            lowest, end = min(lowest, low), match.end()
        return _digest([*parts, text[end:].encode("utf-8", "replace")]), lowest

    # -- reading ------------------------------------------------------------------------------------------------------

    def _exists(self, xref: int) -> bool:
        return 0 < xref < int(self._pdf.xref_length())

    def _object(self, xref: int) -> str:
        try:
            return str(self._pdf.xref_object(xref, compressed=True)) if self._exists(xref) else "null"
        except Exception:
            return "broken"

    def _stream(self, xref: int, *, raw: bool = False) -> bytes:
        """Return a stream's bytes as decoded; as stored where they cannot be."""
        if not self._exists(xref):
            return b""
        try:
            return (self._pdf.xref_stream_raw(xref) if raw else self._pdf.xref_stream(xref)) or b""
        except Exception:
            return b"broken" if raw else self._stream(xref, raw=True)

    def _resolved(self, text: str) -> str:
        alone = _REFERENCE.fullmatch(text.strip())
        return self._object(int(alone[1])) if alone else text


def _entries(text: str) -> dict[str, str]:
    """Return the entries of a dictionary as MuPDF writes it; nothing for any other value."""
    if not text.startswith("<<"):
        return {}
    found: dict[str, str] = {}
    name, depth = "", 0
    value: list[str] = []
    for token in _TOKEN.findall(text)[1:-1]:
        if depth == 0 and token.startswith("/") and (not name or value):
            if name:
                found[name] = " ".join(value)
            name, value = token[1:], []
            continue
        depth += (token in ("<<", "[")) - (token in (">>", "]"))
        value.append(token)
    if name:
        found[name] = " ".join(value)
    return found


def _size_of(entries: dict[str, str]) -> int:
    """Return about how many bytes a picture takes decoded; 0 for what is no picture."""
    sides = [entries.get(side, "0") for side in ("Width", "Height")]
    return int(sides[0]) * int(sides[1]) * 3 if all(side.isdigit() for side in sides) else 0


def _references(text: str) -> list[int]:
    return [int(number) for number in _REFERENCE.findall(text)]


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _digest(parts: Iterable[bytes]) -> bytes:
    """Hash parts so that their borders count."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()
