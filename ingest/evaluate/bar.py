"""A progress bar over items; silent where nobody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def item_progress(total: int, title: str, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error; yields a function that moves it on by a number of items."""
    if quiet or not sys.stderr.isatty():
        yield _ignored
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda count: progress.advance(bar, count)


def _ignored(_: int) -> None:
    """Nobody watches."""
