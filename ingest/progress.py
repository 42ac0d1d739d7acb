"""A progress bar over pages, with pages per second; silent where nobody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ingest.plan import PageEvent


@contextlib.contextmanager
def page_progress(*, quiet: bool = False) -> Iterator[Callable[[PageEvent], None] | None]:
    """Show a bar on standard error while pages come back; None where it would not be seen."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class PagesPerSecond(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:.1f} pages/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), PagesPerSecond())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("pages", total=0)
        totals: dict[str, int] = {}

        def on_page(event: PageEvent) -> None:
            totals[event.source] = event.total
            name = event.source.rpartition("/")[2]
            progress.update(bar, total=sum(totals.values()), advance=1, description=name)

        yield on_page
