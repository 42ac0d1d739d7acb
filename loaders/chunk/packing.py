"""Items of text are packed into pieces that no token budget is too small for.

Items in text order come in, pieces in text order come out: each the text a reader sees and the string that is embedded,
counted exactly. Whole items are kept together where they fit; a long one is split at blocks, sentences, words and, if
it must be, characters. A table row is split only when it alone exceeds the budget, and then between cells. Offsets are
into the document's text.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from loaders.chunk.atoms import Atom, Cutter
from loaders.chunk.outline import Item
from loaders.chunk.saying import said
from loaders.document import Category, TextMap
from loaders.errors import UsageError
from loaders.settings import TableText
from loaders.text.sentences import Range
from loaders.tokens import Cost, Meter, TokenBudget

HEADINGS_SHARE = 3
"""The heading path may take one third of a budget; it is trimmed from the root, never the text."""
HEADER_SHARE = 2
"""A table header that takes more than half of a budget is not repeated."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What becomes a chunk. `split_row` numbers the table row it is a part of, -1 where it splits none."""

    start: int
    end: int
    text: str
    embed_text: str
    category: Category
    headings: tuple[str, ...]
    split_row: int = -1


def pack(
    items: Sequence[Item],
    text: str,
    text_map: TextMap,
    budgets: Sequence[TokenBudget],
    *,
    context: bool,
    table_text: TableText = "markdown",
) -> list[Piece]:
    """Pack items into pieces; `context` puts the heading path in front of what is embedded.

    Raises UsageError when a budget leaves no room beside its special tokens.
    """
    sentences = table_text == "sentences"
    return _Packer(text, text_map, Meter(budgets), context=context, sentences=sentences).packed(items)


def embedded(context: Sequence[str], shown: str) -> str:
    """Return what is embedded for a piece: its heading path on a line of its own, then what a reader sees."""
    return f"{' > '.join(context)}\n{shown}" if context else shown


@dataclass(slots=True)
class _Draft:
    """A piece under construction: its atoms, what each of them costs, and what goes in front of them."""

    atoms: list[Atom] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    headings: bool = True
    header: bool = True

    @property
    def only_titles(self) -> bool:
        return all(atom.is_title for atom in self.atoms)

    @property
    def rows(self) -> list[Atom]:
        """The atoms that show table rows."""
        return [atom for atom in self.atoms if atom.row >= 0]


class _Packer:
    """Places atoms one by one; what does not fit goes back to the queue, whole or finer."""

    def __init__(self, text: str, text_map: TextMap, meter: Meter, *, context: bool, sentences: bool) -> None:
        self._text, self._meter, self._context, self._sentences = text, meter, context, sentences
        self._cutter = Cutter(text, text_map, meter)
        self._draft = _Draft()
        self._used: Cost = ()
        self._queue: deque[Atom] = deque()
        self._pieces: list[Piece] = []

    def packed(self, items: Sequence[Item]) -> list[Piece]:
        for atom in self._cutter.of(items):
            self._queue.append(atom)
            self._settle()
        while self._draft.atoms:
            self._close()
            self._settle()
        return self._pieces

    def _settle(self) -> None:
        while self._queue:
            self._place(self._queue.popleft())

    # -- placing ----------------------------------------------------------------------------------------------------

    def _place(self, atom: Atom) -> None:
        draft = self._draft
        if self._accepts(atom):
            self._add(atom)
            return
        waits = draft.only_titles and not (self._fits_alone(atom) and (atom.is_title or atom.is_whole_row))
        fills = waits or (draft.atoms[-1].company == atom.company and not self._fits_alone(atom))
        if fills and (finer := self._cutter.finer(atom)):
            self._queue.extendleft(reversed(finer))
        elif draft.atoms:
            self._queue.appendleft(atom)
            self._close()
        else:
            self._add(atom)

    def _accepts(self, atom: Atom) -> bool:
        draft = self._draft
        if not draft.atoms:
            return self._fits_alone(atom)
        if not draft.only_titles and draft.atoms[-1].company != atom.company:
            return False
        return self._meter.holds(self._used, self._added(atom))

    def _fits_alone(self, atom: Atom) -> bool:
        """Say whether the atom fits into an empty piece: a whole row even without its context, text only with it."""
        if atom.is_whole_row:
            return self._meter.holds(atom.cost)
        return self._meter.holds(atom.cost, self._headings_cost(atom), self._header_cost(atom))

    def _add(self, atom: Atom) -> None:
        draft = self._draft
        if not draft.atoms:
            draft.headings, draft.header = self._opening(atom)
            self._used = self._headings_cost(atom) if draft.headings else (0,) * len(self._meter.room)
        added = self._added(atom)
        draft.atoms.append(atom)
        draft.costs.append(added)
        self._used = tuple(map(sum, zip(self._used, added, strict=True)))

    def _opening(self, atom: Atom) -> tuple[bool, bool]:
        """Choose what goes in front of a new piece: a row is kept whole before its headings or header are."""
        if not atom.is_whole_row:
            return True, True
        headings, header = self._headings_cost(atom), self._header_cost(atom)
        choices = {(True, True): (headings, header), (False, True): (header,), (True, False): (headings,)}
        return next((c for c, costs in choices.items() if self._meter.holds(atom.cost, *costs)), (False, False))

    def _added(self, atom: Atom) -> Cost:
        """Return what an atom adds to the draft: a table header comes once, a split row's header cell by cell."""
        draft = self._draft
        if atom.row < 0 or not draft.header:
            return atom.cost
        if draft.rows and (not atom.split or draft.atoms[-1].columns == atom.columns):
            return atom.cost
        return tuple(map(sum, zip(atom.cost, self._header_cost(atom), strict=True)))

    def _take_last(self) -> Atom:
        atom, cost = self._draft.atoms.pop(), self._draft.costs.pop()
        self._used = tuple(used - part for used, part in zip(self._used, cost, strict=True))
        return atom

    # -- closing ----------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Turn the draft into a piece; what an exact count finds too much goes back to the queue."""
        draft = self._draft
        while not self._meter.fits((piece := self._piece(draft)).embed_text):
            if len(draft.atoms) > 1:
                atom = self._take_last()
                follows = draft.only_titles and not (atom.is_title or atom.is_whole_row)
                finer = self._cutter.finer(atom) if follows else []
                self._queue.extendleft(reversed(finer or [atom]))
                if finer:
                    return
            elif not self._relieve(draft):
                return
        self._pieces.append(piece)
        self._draft = _Draft()

    def _relieve(self, draft: _Draft) -> bool:
        """Lighten a draft of one atom: split it, or leave its context out. Say whether it can still be closed."""
        atom = draft.atoms[0]
        finer = self._cutter.finer(atom)
        if finer and not (atom.is_whole_row and (draft.headings or draft.header)):
            self._draft = _Draft()
            self._queue.extendleft(reversed(finer))
            return False
        if draft.headings:
            draft.headings = False
        elif draft.header:
            draft.header = False
        else:
            raise UsageError(f"no budget holds the text {self._text[atom.start : atom.end]!r}; raise the limits")
        return True

    def _piece(self, draft: _Draft) -> Piece:
        first, last = draft.atoms[0], draft.atoms[-1]
        rows = draft.rows
        shown = self._text[first.start : last.end]
        if rows:
            top, columns = rows[0], (rows[0].columns[0], rows[-1].columns[1])
            front = self._header_of(top, columns, first.start) if draft.header else ""
            front += "" if self._text[top.start] == "|" else "| "
            shown = self._text[first.start : top.start] + front + self._text[top.start : last.end]
        context = self._headings_of(last, first.start, last.end) if draft.headings else ()
        return Piece(
            start=first.start,
            end=last.end,
            text=shown,
            embed_text=self._embedded(draft, context, shown),
            category=_category(draft.atoms),
            headings=tuple(heading.text for heading in last.item.path),
            split_row=rows[0].row if rows and rows[0].split else -1,
        )

    def _embedded(self, draft: _Draft, context: Sequence[str], shown: str) -> str:
        """Return what is embedded: what is shown, or its table rows as sentences, unless a lone row is too long so."""
        rows = draft.rows
        if self._sentences and rows and not rows[0].split:
            parts = (said(atom, self._text) or self._text[atom.start : atom.end] for atom in draft.atoms)
            sentences = embedded(context, "\n".join(parts))
            if len(rows) > 1 or self._meter.fits(sentences):
                return sentences
        return embedded(context, shown)

    # -- context: headings and table headers ------------------------------------------------------------------------

    def _headings_of(self, atom: Atom, start: int, end: int) -> tuple[str, ...]:
        """Return the headings above text[start:end], and its caption where that is elsewhere, trimmed from the root."""
        if not self._context:
            return ()
        caption = atom.item.caption
        above = [heading.text for heading in atom.item.path if heading.start < start]
        if caption and not start <= caption.start < end:
            above.append(caption.text)
        while above and not self._meter.holds(self._meter.cost_once(embedded(above, "")), share=HEADINGS_SHARE):
            del above[0]
        return tuple(above)

    def _headings_cost(self, atom: Atom) -> Cost:
        return self._meter.cost_once(embedded(self._headings_of(atom, atom.start, atom.end), ""))

    def _header_of(self, atom: Atom, columns: Range, start: int) -> str:
        """Return the header to repeat in front of a row, "" where the piece from `start` holds it or it is too long."""
        header = atom.item.header
        if not header or atom.is_header or start <= header[0].start:
            return ""
        lines = [" | ".join(self._text[a:b] for a, b in row.cells[slice(*columns)]) for row in header]
        lines.insert(1, " | ".join(["---"] * (columns[1] - columns[0])))
        text = "".join(f"| {line} |\n" for line in lines)
        return text if self._meter.holds(self._meter.cost_once(text), share=HEADER_SHARE) else ""

    def _header_cost(self, atom: Atom) -> Cost:
        return self._meter.cost_once(self._header_of(atom, atom.columns, atom.start) if atom.row >= 0 else "")


def _category(atoms: Sequence[Atom]) -> Category:
    """Return the category most characters have; a table or figure gives its own to what goes with it."""
    sizes: Counter[Category] = Counter()
    for atom in atoms:
        sizes[atom.item.category] += atom.end - atom.start
    found: tuple[Category, ...] = ("table", "figure")
    for category in found:
        if category in sizes:
            return category
    if len(sizes) > 1:
        sizes.pop("title", None)
    return max(sizes, key=lambda category: sizes[category])
