"""All styles of tables by name, and those that are never trained on."""

from __future__ import annotations

from loaders.tables.synthesize.styles import finance, forms, science, statistics
from loaders.tables.synthesize.styles.style import Style

__all__ = ["HELD_OUT", "STYLES", "Style"]

STYLES: dict[str, Style] = {
    style.name: style for module in (finance, science, statistics, forms) for style in module.STYLES
}
HELD_OUT: frozenset[str] = frozenset(name for name, style in STYLES.items() if style.held_out)
