"""One line of manifest.jsonl becomes one record; one that does not fit raises UsageError naming file, line and field.

Comes in: the JSON object and the pack's folder. Goes out: a record of records.py with absolute paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from ingest.evaluate.records import (
    DocumentItem,
    Evidence,
    FileItem,
    Item,
    PageItem,
    QuestionItem,
    Rule,
    Scope,
    TableItem,
    TextBox,
    TruthBlock,
    TruthCell,
)
from loaders.errors import UsageError

NEIGHBOURS = ("up", "down", "left", "right", "top_heading", "left_heading")
_MISSING = object()


class Fields:
    """A JSON object that answers with the type asked for, or says where it does not."""

    def __init__(self, data: Mapping[str, Any], where: str, root: Path) -> None:
        self.data, self.where, self.root = data, where, root

    def fail(self, name: str, problem: str) -> UsageError:
        return UsageError(f"{self.where}: `{name}` {problem}")

    def take(self, name: str, kinds: type | tuple[type, ...], default: Any = _MISSING) -> Any:
        value = self.data.get(name)
        if value is None:
            if default is _MISSING:
                raise self.fail(name, "is missing")
            return default
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise self.fail(name, f"is {value!r:.60}; it must be {' or '.join(kind.__name__ for kind in allowed)}")
        return value

    def text(self, name: str, default: Any = _MISSING) -> Any:
        return self.take(name, str, default)

    def number(self, name: str, default: Any = None) -> Any:
        return self.take(name, (int, float), default)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(value) for value in self.take(name, list, []))

    def path(self, name: str) -> Path | None:
        relative = self.text(name, None)
        if relative is None:
            return None
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root):
            raise self.fail(name, f"is {relative!r}, which lies outside the pack")
        if not path.is_file():
            raise self.fail(name, f"is {relative!r}, and there is no such file under {self.root}")
        return path

    def box(self, name: str, default: Any = _MISSING) -> Any:
        value = self.take(name, list, default)
        if value is default:
            return default
        if len(value) != 4 or not all(isinstance(v, int | float) for v in value):
            raise self.fail(name, f"is {value!r:.60}; a box is [x0, y0, x1, y1]")
        x0, y0, x1, y1 = (float(v) for v in value)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def many(self, name: str) -> list[Fields]:
        found = self.take(name, list, [])
        if not all(isinstance(value, dict) for value in found):
            raise self.fail(name, "must be a list of objects")
        return [Fields(value, f"{self.where}: {name}[{i}]", self.root) for i, value in enumerate(found)]


def _text_box(fields: Fields) -> TextBox:
    quad = fields.take("quad", list, None)
    return TextBox(fields.text("text"), fields.box("box"), tuple(quad) if quad else None, fields.text("category", ""))


def _block(fields: Fields) -> TruthBlock:
    return TruthBlock(
        order=fields.number("order"),
        type=fields.text("type"),
        category=fields.text("category", ""),
        box=fields.box("box"),
        text=fields.text("text", None),
        html=fields.text("html", None),
        ignore=fields.take("ignore", bool, False),
        id=fields.number("id"),
        links=tuple((int(a), int(b)) for a, b in fields.take("links", list, [])),
    )


def _rule(fields: Fields) -> Rule:
    return Rule(
        id=fields.text("id", ""),
        kind=fields.text("type"),
        text=fields.text("text", "") or fields.text("math", ""),
        before=fields.text("before", ""),
        after=fields.text("after", ""),
        cell=fields.text("cell", ""),
        neighbours=tuple((name, fields.text(name)) for name in NEIGHBOURS if fields.text(name, "")),
        max_diffs=fields.take("max_diffs", int, 0),
        case_sensitive=fields.take("case_sensitive", bool, True),
        first_n=fields.take("first_n", int, None),
        last_n=fields.take("last_n", int, None),
    )


def _page(gt: Fields, common: dict[str, Any]) -> PageItem:
    order = gt.text("text_order", "annotated")
    if order not in ("annotated", "derived"):
        raise gt.fail("text_order", f"is {order!r}; it is annotated or derived")
    return PageItem(
        **common,
        text=gt.text("text", None),
        text_body=gt.text("text_body", None),
        text_alt=gt.texts("text_alt"),
        text_order=order,
        case_sensitive=gt.take("case_sensitive", bool, True),
        words=tuple(_text_box(word) for word in gt.many("words")),
        lines=tuple(_text_box(line) for line in gt.many("lines")),
        blocks=tuple(_block(block) for block in gt.many("blocks")),
        markdown=gt.text("markdown", None),
        fields={name: str(value) for name, value in gt.take("fields", dict, {}).items()},
        rules=tuple(_rule(rule) for rule in gt.many("tests")),
    )


def _cell(fields: Fields) -> TruthCell:
    return TruthCell(
        row=fields.take("row", int),
        col=fields.take("col", int),
        rowspan=fields.take("rowspan", int, 1),
        colspan=fields.take("colspan", int, 1),
        text=fields.text("text", ""),
        box=fields.box("box", None),
        header=fields.take("header", bool, False),
    )


def _table(gt: Fields, common: dict[str, Any]) -> TableItem:
    crop_px = gt.take("crop_px", list, None)
    return TableItem(
        **common,
        html=gt.text("html"),
        html_raw=gt.text("html_raw", None),
        html_alt=gt.texts("html_alt"),
        cells=tuple(_cell(cell) for cell in gt.many("cells")),
        n_rows=gt.take("n_rows", int, None),
        n_cols=gt.take("n_cols", int, None),
        spans=gt.take("spans", bool, False),
        table_box=gt.box("table_box", None),
        table_box_units=gt.text("table_box_units", None),
        crop=gt.path("crop"),
        crop_px=(int(crop_px[0]), int(crop_px[1])) if crop_px else None,
        part=gt.text("part", None),
    )


def _document(gt: Fields, common: dict[str, Any]) -> DocumentItem:
    pages = tuple(int(page) for page in gt.take("orig_pages", list, []))
    return DocumentItem(**common, orig_pages=pages, title=gt.text("title", ""), text=gt.text("text", None))


def _evidence(fields: Fields) -> Evidence:
    page = fields.take("page", int)
    if page < 1:
        raise fields.fail("page", f"is {page}; pages count from 1")
    return Evidence(
        doc=fields.text("doc"),
        page=page,
        text=fields.text("text", None) or None,
        file=fields.path("file"),
        orig_page=fields.take("orig_page", int, None),
        grade=fields.take("grade", int, 1),
    )


_QUESTION_FIELDS = frozenset({"question", "answer", "scope", "evidence"})


def _question(gt: Fields, common: dict[str, Any]) -> QuestionItem:
    scope = gt.text("scope", "corpus")
    if scope not in ("corpus", "document"):
        raise gt.fail("scope", f"is {scope!r}; it is corpus or document")
    answer = gt.take("answer", (str, list, int, float, bool), "")
    return QuestionItem(
        **common,
        question=gt.text("question"),
        answer="; ".join(map(str, answer)) if isinstance(answer, list) else str(answer),
        scope=cast(Scope, scope),
        evidence=tuple(_evidence(piece) for piece in gt.many("evidence")),
        extras={name: value for name, value in gt.data.items() if name not in _QUESTION_FIELDS},
    )


def _file(gt: Fields, common: dict[str, Any]) -> FileItem:
    expect = Fields(gt.take("expect", dict), f"{gt.where}: expect", gt.root)
    outcome = expect.text("outcome")
    if outcome not in ("ok", "needs_password", "error", "any"):
        raise expect.fail("outcome", f"is {outcome!r}; it is ok, needs_password, error or any")
    return FileItem(
        **common,
        outcome=outcome,
        password=expect.text("password", None),
        contains=expect.texts("contains"),
        note=expect.text("note", ""),
        reference={name: value for name, value in expect.data.items() if name.startswith("ref_")},
    )


_KINDS: dict[str, Callable[[Fields, dict[str, Any]], Item]] = {
    "page": _page,
    "table": _table,
    "document": _document,
    "question": _question,
    "file": _file,
}


def read_record(data: Mapping[str, Any], where: str, root: Path) -> Item:
    """Turn one manifest object into its record; `where` names file and line in errors, paths are under `root`."""
    fields = Fields(data, where, root)
    identity = fields.text("id")
    fields.where = f"{where} ({identity})"
    if data.get("schema", 1) != 1:
        raise fields.fail("schema", f"is {data['schema']!r}; this version reads schema 1")
    kind = fields.text("kind")
    if kind not in _KINDS:
        raise fields.fail("kind", f"is {kind!r}; it is one of {', '.join(_KINDS)}")
    common = {
        "id": identity,
        "pack": fields.text("pack", root.name),
        "source": fields.text("source"),
        "split": fields.text("split", "dev"),
        "group": fields.text("group", identity),
        "license": fields.text("license", ""),
        "lang": fields.texts("lang"),
        "doc_type": fields.text("doc_type", ""),
        "tags": fields.texts("tags"),
        "file": fields.path("file"),
        "mime": fields.text("mime", None),
        "bytes": fields.number("bytes"),
        "sha256": fields.text("sha256", None),
        "page": fields.number("page"),
        "n_pages": fields.number("n_pages"),
        "width": fields.number("width"),
        "height": fields.number("height"),
        "units": fields.text("units", None),
        "modified": fields.text("modified", None),
    }
    gt = Fields(fields.take("gt", dict), f"{fields.where}: gt", root)
    return _KINDS[kind](gt, common)
