"""What the command line prints: JSON, tables, reports of adding, hits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.intake import AddReport


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header; cells fold where the terminal is narrow."""
    from rich.console import Console
    from rich.table import Column, Table

    columns = [Column(name, overflow="fold") for name in header]
    table = Table(*columns, box=None, show_header=any(header), pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False)


def add_json(report: AddReport) -> dict[str, Any]:
    """Return what `ingest add --json` prints."""
    return {
        "documents": asdict(report.documents),
        "pages": asdict(report.pages),
        "failures": [asdict(failure) for failure in report.failures],
        "chunks": report.chunks,
        "words": {"recognised": report.words, "owned": report.owned, "dropped": dict(report.dropped)},
    }


def print_report(report: AddReport, *, indexed: bool = True) -> None:
    """Print what was added; where nothing was `indexed`, what is in the cache now."""
    if not indexed:
        pages = report.pages
        typer.echo(f"pages in the cache: {pages.added} added, {pages.unchanged} unchanged, {pages.failed} failed")
        typer.echo("nothing is indexed yet: when all shards are done, run the same without --shard")
        return
    for name, count in (("documents", report.documents), ("pages", report.pages)):
        typer.echo(f"{name}: {count.added} added, {count.unchanged} unchanged, {count.failed} failed")
    dropped = ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in sorted(report.dropped.items()))
    typer.echo(f"chunks: {report.chunks}; words: {report.words}, of which dropped: {dropped or 'none'}")


def print_hits(hits: Sequence[Any]) -> None:
    """Print hits with their file, page, box, score and headings."""
    from rich.console import Console
    from rich.text import Text as Line

    console = Console()
    for number, hit in enumerate(hits, start=1):
        about = hit.metadata
        where = f"{about.get('file_name', '')} page {about.get('page_number', '?')} of {about.get('total_pages', '?')}"
        console.print(Line(f"{number}. {where}  box {about.get('bbox', '')}  score {hit.score:.4f}", style="bold"))
        if about.get("headings"):
            console.print(Line(str(about["headings"]), style="dim"))
        console.print(Line(hit.text), soft_wrap=True)
        console.print()
