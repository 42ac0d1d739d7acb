"""All layout families by name, and those that are never trained on."""

from __future__ import annotations

from loaders.relate.synthesize.families import (
    articles,
    books,
    business,
    forms,
    lists,
    reference,
    scripts,
    technical,
    web,
)
from loaders.relate.synthesize.families.family import Family

__all__ = ["FAMILIES", "HELD_OUT", "Family"]

FAMILIES: dict[str, Family] = {
    family.name: family
    for module in (articles, books, business, forms, lists, technical, scripts, web, reference)
    for family in module.FAMILIES
}
HELD_OUT: frozenset[str] = frozenset(name for name, family in FAMILIES.items() if family.held_out)
