"""The optional packages the metrics stand on, imported when first used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from loaders.errors import MissingExtra


def needed(module: str) -> ModuleType:
    """Import a module of the `evaluate` extra; raises MissingExtra naming the extra where it is absent."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], "evaluate") from error
