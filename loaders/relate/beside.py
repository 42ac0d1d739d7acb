"""How a line is set beside the page's other lines: how many look like it, how full its column is, how much white.

In: lines measured, in reading order. Out: named columns, and for each line the nearest ones set like it. Headings of
one page are set alike and are few; its plain text is most of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loaders.geometry import Array
from loaders.relate.neighbours import Bools, Ints
from loaders.relate.pair_columns import reach

BESIDE_COLUMNS = ("alike_letters", "alike_lines", "filled", "line_above", "line_below")
ALIKE = 1.1
"""Type sizes that differ by no more are taken for one."""
CLOSE = 2
"""Lines so near in the order are neighbours anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The columns by name, each (L,), and peers int (L, 2): the nearest alike before and after, -1 for none.

    alike_letters, alike_lines  share of the page's letters, and number of lines, in type of this size, weight and case
    filled                      its width beside that of the widest line in its column
    line_above, line_below      how near the next lines are, as `reach` has it
    """

    columns: dict[str, Array]
    peers: Ints

    @classmethod
    def of(cls, boxes: Array, sizes: Array, bold: Bools, capitals: Bools, letters: Array, em: float) -> Beside:
        """Look at lines: boxes (L, 4), type sizes, whether bold and in capitals, numbers of letters; the page's em."""
        count = len(boxes)
        size, here = np.log(np.maximum(sizes, 1e-3)), np.arange(count)
        wide = np.maximum(boxes[:, 2] - boxes[:, 0], 1e-3)
        share, lines, widest = np.empty(count), np.empty(count), np.empty(count)
        peers = np.full((count, 2), -1, np.int64)
        for start in range(0, count, 256):
            part = slice(start, start + 256)
            alike = np.abs(size - size[part, None]) < np.log(ALIKE)
            alike &= (bold == bold[part, None]) & (capitals == capitals[part, None])
            share[part], lines[part] = alike @ letters, alike.sum(axis=1)
            held = np.minimum(boxes[:, 2], boxes[part, None, 2]) - np.maximum(boxes[:, 0], boxes[part, None, 0])
            widest[part] = np.where(held > 0.8 * wide[part, None], wide, 0).max(axis=1)
            before, after = alike & (here < here[part, None] - CLOSE), alike & (here > here[part, None] + CLOSE)
            peers[part, 0] = np.where(before.any(axis=1), count - 1 - before[:, ::-1].argmax(axis=1), -1)
            peers[part, 1] = np.where(after.any(axis=1), after.argmax(axis=1), -1)
        above, below = reach(boxes, boxes, em)
        columns = {
            "alike_letters": share / max(float(letters.sum()), 1e-3),
            "alike_lines": np.log1p(lines) / 3,
            "filled": wide / np.maximum(widest, wide),
            "line_above": above,
            "line_below": below,
        }
        return cls({name: np.asarray(column, np.float32) for name, column in columns.items()}, peers)
