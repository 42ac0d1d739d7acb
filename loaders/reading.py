"""One page: words from its text layer or an engine, then tables, lines, blocks and order.

An OpenPage comes in, a Page goes out in the page's own frame, through the cache. A page that cannot be read is a
Failure that names the stage; nothing else escapes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loaders.cache import Cache
from loaders.document import BOLD, Dropped, Failure, Page, PageImage, PageText, Relations, Words
from loaders.errors import EngineError, PageError, UsageError
from loaders.geometry import Array, Box, Frame, boxes_from_quads, turn_quads
from loaders.ocr import OcrEngine, QuadReader, open_engine
from loaders.rasterize import snapped
from loaders.settings import Settings
from loaders.timing import timed

if TYPE_CHECKING:
    from loaders.rasterize import OpenPage
    from loaders.tokens import TokenBudget


class StageError(Exception):
    """Carries the stage an error came from up to where it becomes a Failure; its cause is the error."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Name the stage that an error inside came from, and time it where a stopwatch runs."""
    try:
        with timed(name):
            yield
    except StageError:
        raise
    except Exception as error:
        raise StageError(name) from error


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page, and whether it came from the cache."""

    page: Page
    cached: bool


class Reader:
    """Reads pages: holds the settings and the engine, which is opened when the first page needs it.

    One Reader serves any number of documents, one page at a time.
    """

    def __init__(self, settings: Settings | None = None, *, engine: OcrEngine | None = None) -> None:
        """Open the engine the settings name, unless one is given or `text="layer"` says that none will be asked."""
        self.settings = settings or Settings()
        self._engine = engine
        if engine is None and self.settings.text != "layer":
            self._engine = open_engine(self.settings.engine, **dict(self.settings.engine_options))
        self._digest = "" if self._engine is None else self._engine.digest
        if self.settings.order == "relational":
            from loaders.relate.model import model_digest

            self._digest += ":" + model_digest(self.settings.relational_model)
        if self.settings.tables:
            from loaders.tables.model import grid_digest

            self._digest += ":" + grid_digest()
        self.reading_id = self.settings.reading_id(self._digest)

    @property
    def engine(self) -> OcrEngine:
        """The engine. Raises UsageError where the settings allow no OCR."""
        if self._engine is None:
            raise UsageError("text='layer' reads no pixels; choose text='auto' or text='ocr'")
        return self._engine

    def config_id(self, budgets: Sequence[TokenBudget] = ()) -> str:
        """Name how documents are read and cut."""
        limits = ",".join(f"{budget.name}:{budget.limit}" for budget in budgets)
        return self.settings.config_id(self._digest, limits)

    def warm_up(self) -> None:
        """Load the engine's models now, so that the first page does not wait for them."""
        self.engine.read([PageImage.of(np.full((32, 32, 3), 255, np.uint8))])

    def read(self, page: OpenPage, number: int, source: str, cache: Cache | None = None) -> PageRead | Failure:
        """Read one page, or take it from the cache; a page that cannot be read is a Failure."""
        try:
            with stage("open"):  # a page's own hash is only for the cache to know it by
                key = Cache.key(page.key, self.reading_id) if cache is not None else ""
            with stage("cache"):
                known = cache and cache.get(key, number=number, label=page.label, source=source)
            if known:
                return PageRead(known, cached=True)
            fresh = replace(self._read(page), number=number, label=page.label, source=source, key=key)
            with stage("cache"):
                if cache is not None:
                    cache.put(fresh)
        except StageError as error:
            return Failure.of(error.__cause__ or error, source, number, error.stage)
        return PageRead(fresh, cached=False)

    def read_image(self, image: PageImage) -> Page:
        """Read one image that is its own page. Raises EngineError."""
        return self.read_images([image])[0]

    def read_images(self, images: Sequence[PageImage]) -> list[Page]:
        """Read images that are each their own page, as one batch of the engine. Raises EngineError."""
        try:
            texts = self._ocr(list(images))
            seen = [self._seen(image, text) for image, text in zip(images, texts, strict=True)]
            return [_structured(s, image.frame, self.settings) for s, image in zip(seen, images, strict=True)]
        except StageError as error:
            raise error.__cause__ or error from None

    def _read(self, page: OpenPage) -> Page:
        return _structured(self._words(page), page.frame, self.settings)

    # -- words: the text layer where it can be trusted, the engine elsewhere -----------------------------------------

    def _words(self, page: OpenPage) -> _Seen:
        if self.settings.text == "ocr" or (page.frame.unit == "px" and self.settings.text == "auto"):
            return self._ocr_page(page)
        from loaders.textlayer import judge, regions_to_ocr

        with stage("text"):
            layer = page.layer()
            verdict = judge(layer, page.frame)
            never = self.settings.text == "layer"
            shown = ~layer.hidden | verdict.ocr_layer if never else verdict.trusted
            hidden = layer.words.take(layer.hidden & ~shown)
            seen = _Seen(
                layer.words.take(shown), rulings=layer.rulings, figures=layer.figures, set_aside=((hidden, "hidden"),)
            )
            if never:
                return _not_only_pictures(seen, page.frame)
            regions = regions_to_ocr(layer, verdict, page.frame)
        if not verdict.page:
            return self._ocr_page(page)
        return self._with_regions(seen, page, regions) if regions else seen

    def _ocr_page(self, page: OpenPage) -> _Seen:
        with stage("rasterize"):
            image = page.image()
        return self._ocr_image(image)

    def _ocr_image(self, image: PageImage) -> _Seen:
        return self._seen(image, self._ocr([image])[0])

    def _seen(self, image: PageImage, text: PageText) -> _Seen:
        from loaders.relate.backgrounds import paper_darkness
        from loaders.relate.strokes import bold_words
        from loaders.rulings import find_rulings

        with stage("tables"):
            rulings = find_rulings(image)
        with stage("relate"):
            backgrounds = paper_darkness(image, text.words.quads)
            bold = np.where(bold_words(image, text.words, backgrounds), BOLD, 0).astype(np.uint8)
        seen = _Seen(
            replace(text.words, styles=text.words.styles | bold).scaled(1 / image.scale),
            relations=text.relations,
            rulings=rulings,
            backgrounds=backgrounds,
            turn=text.turn,
            engine=self.engine.name,
        )
        return self._with_missed(seen.clear(self.settings.min_confidence), image, rulings)

    def _with_missed(self, seen: _Seen, image: PageImage, rulings: Array) -> _Seen:
        """Read again what the engine missed in tables; words that this replaces are set aside."""
        if not (self.settings.tables and isinstance(self.engine, QuadReader)):
            return seen
        from loaders.relate.backgrounds import paper_darkness
        from loaders.tables import detect_tables
        from loaders.tables.unread import find_unread, settle

        with stage("tables"):
            tables = detect_tables(seen.words, image.frame, rulings)
            unread = find_unread(image, seen.words, tables, rulings)
        if not len(unread.quads):
            return replace(seen, tables=tables)
        with stage("ocr"):
            read = self.engine.read_quads(image, unread.quads * image.scale)
        more, wrong = settle(seen.words, unread, [words.scaled(1 / image.scale) for words in read])
        if not len(more):
            return replace(seen, tables=tables)
        seen = seen.without(wrong, "duplicate").with_more(more, paper_darkness(image, more.quads * image.scale))
        return seen.clear(self.settings.min_confidence)

    def _with_regions(self, seen: _Seen, page: OpenPage, regions: Sequence[Box]) -> _Seen:
        """Add what the engine reads in the given regions, less what the text layer already says there.

        Lines drawn in a picture rule the words that stand in it as lines of the page do.
        """
        from loaders.rulings import find_rulings

        with stage("rasterize"):
            images = [page.image(clip=region) for region in regions]
        found, lines = [], [np.zeros((0, 4), np.float32) if seen.rulings is None else seen.rulings]
        for region, image, text in zip(regions, images, self._ocr(images), strict=True):
            words, shown = text.words.scaled(1 / image.scale), snapped(region, image.scale)
            corner = np.array([shown.x0, shown.y0], np.float32)
            found.append(replace(words, quads=words.quads + corner))
            with stage("tables"):
                lines.append(find_rulings(image) + np.tile(corner, 2))
        seen = replace(seen, rulings=np.concatenate(lines))
        words = Words.concatenated(found)
        if not len(words):
            return seen
        twice = _covered(words.boxes, seen.words.boxes)
        unclear = ~twice & (words.confidences < self.settings.min_confidence)
        return replace(
            seen,
            words=Words.concatenated([seen.words, words.take(~twice & ~unclear)]),
            set_aside=(
                *seen.set_aside,
                (words.take(twice), "duplicate"),
                (words.take(unclear), "low_confidence"),
            ),
            engine=self.engine.name,
        )

    def _ocr(self, images: list[PageImage]) -> list[PageText]:
        with stage("ocr"):
            texts = self.engine.read(images)
            if len(texts) != len(images):
                raise EngineError(f"{self.engine.name} returned {len(texts)} pages for {len(images)} images")
        return texts


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The words of a page and what else was seen on it, in the page's frame, before they are related.

    `set_aside` are words that will be dropped, each lot with its reason; `turn` as in PageText. `backgrounds` say how
    dark the paper behind each word is, where pixels were looked at. `tables` are those among these very words, where
    they were looked for already.
    """

    words: Words
    relations: Relations | None = None
    rulings: Array | None = None
    figures: tuple[Box, ...] = ()
    turn: int = 0
    engine: str = ""
    set_aside: tuple[tuple[Words, str], ...] = ()
    backgrounds: Array | None = None
    tables: tuple[Box, ...] | None = None

    def without(self, mask: np.ndarray[Any, np.dtype[np.bool_]], reason: str) -> _Seen:
        """Set the masked words aside; word links that touched them end there."""
        relations = self.relations and replace(self.relations, word=self.relations.word.without(mask))
        if relations is not None:
            relations = Relations(relations.word)  # line and block links count lines that may now be gone
        lot = (self.words.take(mask), reason)
        behind = None if self.backgrounds is None else self.backgrounds[~mask]
        return replace(
            self,
            words=self.words.take(~mask),
            relations=relations,
            backgrounds=behind,
            tables=None,
            set_aside=(*self.set_aside, lot),
        )

    def clear(self, least: float) -> _Seen:
        """Set aside the words that were read with less confidence."""
        unclear = self.words.confidences < least
        return self.without(unclear, "low_confidence") if unclear.any() else self

    def with_more(self, words: Words, backgrounds: Array) -> _Seen:
        """Add words that nothing links to the others, and how dark the paper behind them is."""
        return replace(
            self,
            words=Words.concatenated([self.words, words]),
            tables=None,
            relations=self.relations and Relations(self.relations.word.extended(len(words))),
            backgrounds=None if self.backgrounds is None else np.concatenate([self.backgrounds, backgrounds]),
        )


def _not_only_pictures(seen: _Seen, frame: Frame) -> _Seen:
    """Refuse to call a page empty that has pictures and no words, where OCR is not allowed."""
    pictured = frame.unit == "px" or sum(figure.area for figure in seen.figures) > frame.box.area / 4
    if pictured and not len(seen.words):
        raise PageError("the page is a picture without a text layer; text='auto' or text='ocr' would read it")
    return seen


def _covered(boxes: Array, others: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say of each box whether its centre lies in one of the others."""
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = (centre >= others[None, :, :2]) & (centre <= others[None, :, 2:])
    return np.asarray(np.any(np.all(inside, axis=2), axis=1), bool)


# -- structure: tables, lines, blocks, order -------------------------------------------------------------------------


def _structured(seen: _Seen, frame: Frame, settings: Settings) -> Page:
    """Relate the words of a page. A page read sideways is related upright and its boxes are turned back."""
    turns = seen.turn // 90
    upright = _turned_frame(frame, turns)
    words = replace(seen.words, quads=turn_quads(seen.words.quads, turns, frame.width, frame.height))
    rulings = np.zeros((0, 4), np.float32) if seen.rulings is None else seen.rulings
    rulings = _turn_boxes(rulings, turns, frame)
    figures = tuple(map(upright.at, _turn_boxes(_xyxy(seen.figures), turns, frame)))
    with stage("tables"):
        from loaders.tables import build_table, detect_tables

        if seen.tables is not None and not turns:
            regions = [upright.at(table.xyxy) for table in seen.tables]
        else:
            lots = _by_picture(words, figures, upright) if settings.tables else []
            regions = [region for lot in lots for region in detect_tables(lot, upright, rulings, figures)]
        built = [(region, table) for region in regions if (table := build_table(words, region, upright, rulings))]
    with stage("relate"):
        from loaders.relate import relate

        structure = relate(
            words,
            upright,
            method=settings.order,
            tables=[region for region, _ in built],
            figures=figures,
            rulings=rulings,
            relations=seen.relations,
            backgrounds=seen.backgrounds,
            model=settings.relational_model,
        )

    def back(box: Box) -> Box:
        return frame.at(_turn_boxes(np.array([box.xyxy], np.float32), -turns, upright)[0] if turns else box.xyxy)

    aside = [(lot, reason) for lot, reason in seen.set_aside if len(lot)]
    return Page(
        number=1,
        label="1",
        frame=frame,
        words=Words.concatenated([seen.words, *(lot for lot, _ in aside)]),
        lines=tuple(replace(line, box=back(line.box)) for line in structure.lines),
        blocks=tuple(replace(block, box=back(block.box)) for block in structure.blocks),
        tables=tuple(
            replace(
                table,
                box=back(table.box),
                cells=tuple(replace(cell, box=back(cell.box)) for cell in table.cells),
            )
            for _, table in built
        ),
        relations=structure.relations,
        dropped=_numbered(len(seen.words), aside),
        rulings=_turn_boxes(rulings, -turns, upright),
        figures=seen.figures,
        ocr=any(seen.words.ocr.tolist()),
        engine=seen.engine,
        turn=seen.turn,
    )


def _by_picture(words: Words, figures: Sequence[Box], frame: Frame) -> list[Words]:
    """Part the words by the picture they stand in: no table runs over a picture's edge. A scan is no picture."""
    x, y = words.boxes.reshape(-1, 2, 2).mean(axis=1).T
    holder = np.full(len(words), -1)
    for number, figure in enumerate(figures):
        if figure.area < 0.8 * frame.box.area:
            holder[(x >= figure.x0) & (x <= figure.x1) & (y >= figure.y0) & (y <= figure.y1)] = number
    return [words.take(holder == number) for number in np.unique(holder)]


def _numbered(first: int, lots: Sequence[tuple[Words, str]]) -> tuple[Dropped, ...]:
    """Number the words of each lot as they follow the first `first` words of the page."""
    dropped = []
    for lot, reason in lots:
        dropped.append(Dropped(tuple(range(first, first + len(lot))), reason))
        first += len(lot)
    return tuple(dropped)


def _turned_frame(frame: Frame, turns: int) -> Frame:
    return Frame(frame.height, frame.width, frame.unit) if turns % 2 else replace(frame, rotation=0, crop=None)


def _xyxy(boxes: Sequence[Box]) -> Array:
    return np.array([box.xyxy for box in boxes], np.float32).reshape(-1, 4)


def _turn_boxes(boxes: Array, turns: int, frame: Frame) -> Array:
    if not turns % 4 or not len(boxes):
        return boxes
    corners = np.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], axis=1)
    return boxes_from_quads(turn_quads(corners, turns, frame.width, frame.height))
