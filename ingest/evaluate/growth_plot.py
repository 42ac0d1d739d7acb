"""How time and memory grow, as small drawings for report.html: one per metric, both axes logarithmic.

Comes in: Results. Goes out: SVG as text, which needs nothing beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from ingest.evaluate.metrics import metric
from ingest.evaluate.results import Results

WIDTH, HEIGHT, MARGIN = 360, 220, 48
GROWTH = "growth: "
Points = Sequence[tuple[float, float]]


def growth_plots(results: Results) -> list[str]:
    """Return a heading and a drawing per metric for each thing that was made larger and larger; nothing for none."""
    series: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for item in results.items:
        if item.source.startswith(GROWTH) and item.failure is None:
            size = float(item.id.split()[0])
            for name, value in item.scores.items():
                lines = series.setdefault((item.source.removeprefix(GROWTH), name), {})
                lines.setdefault(item.variant.engine, []).append((size, value))
    parts: list[str] = []
    for what in dict.fromkeys(what for what, _ in series):
        parts.append(f"<h2>Growth by {escape(what)}</h2>")
        parts += [_plot(f"{name} by {what}", name, lines) for (of, name), lines in series.items() if of == what]
    return parts


def _plot(title: str, name: str, lines: Mapping[str, Points]) -> str:
    """Draw one metric, a line per way of reading, every point with its value."""
    points = [point for line in lines.values() for point in line]
    across, up = (_Axis([point[axis] for point in points]) for axis in (0, 1))
    drawn = [f'<text x="{WIDTH / 2}" y="16" text-anchor="middle" font-weight="bold">{escape(title)}</text>']
    drawn.append(f'<path d="M{MARGIN} {MARGIN / 2}V{HEIGHT - MARGIN}H{WIDTH - MARGIN / 2}" fill="none" opacity=".4"/>')
    for size in dict.fromkeys(size for size, _ in points):
        x = MARGIN + across.share(size) * (WIDTH - 2 * MARGIN)
        drawn.append(f'<text x="{x:.0f}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{size:,.0f}</text>')
    for number, (way, line) in enumerate(lines.items()):
        places = [
            (
                MARGIN + across.share(size) * (WIDTH - 2 * MARGIN),
                HEIGHT - 1.5 * MARGIN - up.share(value) * (HEIGHT - 3 * MARGIN),
            )
            for size, value in line
        ]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        drawn.append(f'<path d="M{path}" fill="none" stroke-width="2" stroke-dasharray="{number * 4} {number * 2}"/>')
        for (x, y), (_, value) in zip(places, line, strict=True):
            drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
            drawn.append(f'<text x="{x:.0f}" y="{y - 8:.0f}" text-anchor="middle">{metric(name).written(value)}</text>')
        if len(lines) > 1:
            x, y = places[-1]
            drawn.append(f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="end">{escape(way)}</text>')
    style = 'stroke="currentColor" fill="currentColor" font-size="11" stroke-width="1"'
    body = "".join(part.replace("<text", '<text stroke="none"') for part in drawn)
    return f'<svg role="img" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>{body}</svg>'


class _Axis:
    """A logarithmic axis over some values; a linear one where a value is not above 0."""

    def __init__(self, values: Sequence[float]) -> None:
        self._logarithmic = min(values) > 0
        self._low, self._high = self._at(min(values)), self._at(max(values))

    def _at(self, value: float) -> float:
        return math.log10(value) if self._logarithmic else value

    def share(self, value: float) -> float:
        """Say how far along the axis a value stands, 0 to 1."""
        span = self._high - self._low
        return (self._at(value) - self._low) / span if span else 0.5
