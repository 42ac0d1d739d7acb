"""What to measure and how: the options that every evaluation shares, checked once, and the ways of reading they name.

Comes in: keyword options, from Python or the command line. Goes out: a Plan, and one Way per column of the report.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, get_args

from ingest.evaluate.packs import select
from ingest.evaluate.records import Scope
from loaders.errors import UnknownEngine, UsageError
from loaders.ocr import ENGINES
from loaders.settings import Order, Settings, TextMode

if TYPE_CHECKING:
    from ingest.evaluate.packs import Pack
    from ingest.evaluate.records import Item
    from ingest.evaluate.results import Variant

YARDSTICKS = {
    "rapidocr": "ocr",
    "nvidia": "ocr",
    "pymupdf4llm": "auto",
    "opendataloader": "auto",
    "pymupdf_tables": "auto",
    "img2table": "ocr",
}
"""Other people's engines and what they read, called plainly and left in their own order; see yardsticks.py."""
DEADLINE = 300.0
"""Seconds an item may take, scoring included, before it is ended and counted as a miss."""
DEFAULTS = Settings()


class Options(TypedDict, total=False):
    """Keyword options of every evaluation.

    engine    name or names of engines; NAME:option=value,option=value passes options to the engine
    order     as in Settings, "engine" being its own output order, or several; yardsticks always keep their own
    text      "auto", "ocr" (from the pixels), "layer", or several; yardsticks read what they always read
    split     "dev" or "heldout"; all where None
    source    name or names of sources; all where empty
    tag       tag or tags of the pack, of which an item has at least one; all items where empty
    scope     "corpus" or "document" questions only
    limit     items of each source, drawn by sha256 of `seed:id`; all where None
    seed      of that draw and of the intervals
    workers   processes that read and score
    deadline  seconds per item; then it is ended and counts as a miss
    out       folder for results.json, report.md, report.html and all that makes a second run short; none where None
    pictures  how many of the worst pages of each source and engine the report shows
    published put the published scores of a pack (baselines.jsonl) beside ours
    progress  show a bar on standard error
    """

    engine: str | Sequence[str]
    order: str | Sequence[str]
    text: str | Sequence[str]
    split: str | None
    source: str | Sequence[str]
    tag: str | Sequence[str]
    scope: Scope | None
    limit: int | None
    seed: int
    workers: int
    deadline: float
    out: str | os.PathLike[str] | None
    pictures: int
    published: bool
    progress: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way of reading: an engine with its options, where the text comes from, whose order counts, how it is cut."""

    engine: str
    text: str
    order: str
    max_tokens: int = DEFAULTS.max_tokens
    context: bool = DEFAULTS.context
    table_text: str = DEFAULTS.table_text

    @property
    def name(self) -> str:
        """The engine's name without its options."""
        return self.engine.partition(":")[0]

    @property
    def options(self) -> dict[str, str | int | float | bool]:
        """The engine's options."""
        return engine_options(self.engine)

    @property
    def is_yardstick(self) -> bool:
        return self.name in YARDSTICKS

    def settings(self) -> Settings:
        """Return how our pipeline reads and cuts in this way. What a yardstick says, it keeps, however unsure."""
        extra: dict[str, Any] = {"min_confidence": 0.0} if self.is_yardstick else {}
        return Settings(
            engine=self.name,
            engine_options=tuple(sorted(self.options.items())),
            text=self.text,  # type: ignore[arg-type]  # checked by Settings
            order=self.order,  # type: ignore[arg-type]
            max_tokens=self.max_tokens,
            context=self.context,
            table_text=self.table_text,  # type: ignore[arg-type]
            **extra,
        )

    def variant(self, **more: str | None) -> Variant:
        """Return the way as results name it; `more` are scope, region, form and stage."""
        from ingest.evaluate.results import Variant

        return Variant(self.engine, self.text, self.order, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The options, as one checked value; see Options."""

    engines: tuple[str, ...]
    orders: tuple[str, ...]
    texts: tuple[str, ...]
    split: str | None = None
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    scope: Scope | None = None
    limit: int | None = None
    seed: int = 0
    workers: int = 1
    deadline: float = DEADLINE
    out: Path | None = None
    pictures: int = 3
    published: bool = True
    progress: bool = False

    def __post_init__(self) -> None:
        for engine in self.engines:
            name = engine.partition(":")[0]
            if name not in ENGINES and name not in YARDSTICKS:
                raise UnknownEngine(f"no engine {name!r}; there are {', '.join((*ENGINES, *YARDSTICKS))}")
            engine_options(engine)
        for option, given, allowed in (("order", self.orders, Order), ("text", self.texts, TextMode)):
            for value in given:
                if value not in get_args(allowed):
                    raise UsageError(f"{option}={value!r}; choose of {', '.join(get_args(allowed))}")
        if self.scope is not None and self.scope not in get_args(Scope):
            raise UsageError(f"scope={self.scope!r}; choose one of {', '.join(get_args(Scope))}")
        if self.workers < 1:
            raise UsageError(f"workers={self.workers}; at least one process has to read")
        if self.deadline <= 0:
            raise UsageError(f"deadline={self.deadline}; give seconds per item, more than 0")

    def ways(self, **cutting: Any) -> tuple[Way, ...]:
        """Return every combination of engine, text and order; a yardstick comes once, in its own order.

        `cutting` is how chunks are cut: max_tokens, context, table_text.
        """
        found: list[Way] = []
        for engine in self.engines:
            if own := YARDSTICKS.get(engine.partition(":")[0]):
                found.append(Way(engine, own, "engine", **cutting))
            else:
                found += [Way(engine, text, order, **cutting) for text in self.texts for order in self.orders]
        return tuple(dict.fromkeys(found))

    def select(self, pack: Pack) -> tuple[Item, ...]:
        """Return the items of a pack that are to be measured."""
        return select(pack, split=self.split, sources=self.sources, tags=self.tags, limit=self.limit, seed=self.seed)

    def described(self) -> dict[str, Any]:
        """Return what results.json says of the plan: all that shapes a number, nothing of this machine."""
        return {
            "engine": list(self.engines),
            "order": list(self.orders),
            "text": list(self.texts),
            "split": self.split,
            "source": list(self.sources),
            "tag": list(self.tags),
            "scope": self.scope,
            "limit": self.limit,
            "seed": self.seed,
        }


def plan_of(options: Options) -> Plan:
    """Check keyword options; raises UsageError for those that make no sense, UnknownEngine for unknown engines."""
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise UsageError(f"no option {', '.join(sorted(unknown))}; there are {', '.join(Options.__annotations__)}")
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    for one, many, default in (
        ("engine", "engines", (DEFAULTS.engine,)),
        ("order", "orders", (DEFAULTS.order,)),
        ("text", "texts", (DEFAULTS.text,)),
        ("source", "sources", ()),
        ("tag", "tags", ()),
    ):
        given[many] = _several(given.pop(one, ())) or default
    if "out" in given:
        given["out"] = Path(given["out"]).resolve()
    return Plan(**given)


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))


def engine_options(engine: str) -> dict[str, str | int | float | bool]:
    """Read "NAME:option=value,option=value"; raises UsageError where it is spelled otherwise."""
    _, colon, listed = engine.partition(":")
    options: dict[str, str | int | float | bool] = {}
    for part in listed.split(",") if colon else ():
        name, equals, value = part.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"engine {engine!r}: write options as NAME:option=value,option=value")
        options[name] = _value(value)
    return options


def _value(text: str) -> str | int | float | bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
