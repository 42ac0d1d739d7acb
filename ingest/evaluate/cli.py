"""`ingest evaluate`: every command parses, calls one function of the package, and prints what it returned.

Exit codes as everywhere: 0 all well, 1 some items failed (each is named, and counted as a miss), 2 wrong use.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from loaders import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.evaluate.plan import Options
    from ingest.evaluate.report_tables import TextTable
    from ingest.evaluate.results import Results

app = typer.Typer(help="Measure how good and how fast it is, next to other engines.", no_args_is_help=True)

Pack = Annotated[Path, typer.Argument(metavar="PACK", help="A pack, a FUNSD folder or a BEIR-style folder.")]
Engine = Annotated[
    list[str] | None,
    typer.Option(
        "--engine", metavar="E", help="Engine or yardstick (rapidocr, nvidia, pymupdf4llm, opendataloader); repeatable."
    ),
]
Order = Annotated[
    list[str] | None,
    typer.Option(
        "--order", help=f"{' | '.join(get_args(settings.Order))}; engine is the engine's own output order; repeatable."
    ),
]
Text = Annotated[
    list[str] | None,
    typer.Option("--text", help=f"{' | '.join(get_args(settings.TextMode))}; ocr reads the pixels; repeatable."),
]
Split = Annotated[str | None, typer.Option("--split", help="dev | heldout; all where absent.")]
Source = Annotated[list[str] | None, typer.Option("--source", metavar="S", help="Only this source; repeatable.")]
Asked = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="S", help="Only this source's questions, of all documents; repeatable."),
]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="T", help="Only items with this tag; repeatable.")]
Scope = Annotated[str | None, typer.Option("--scope", help="corpus | document: only questions in this scope.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="N items of each source.")]
Seed = Annotated[int, typer.Option("--seed", help="Of the draw of items and of the intervals.")]
Workers = Annotated[int, typer.Option("--workers", help="Processes that read and score.")]
Deadline = Annotated[
    float | None, typer.Option("--deadline", metavar="SECONDS", help="Per item; then it is ended: a miss.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="results.json, report.md, report.html; evaluation/... ")
]
Pictures = Annotated[int, typer.Option("--pictures", help="Worst pages shown, of each source and engine.")]
Published = Annotated[bool, typer.Option("--published/--no-published", help="Published scores of a pack beside ours.")]
NAMES = (
    "engine",
    "order",
    "text",
    "split",
    "source",
    "tag",
    "scope",
    "limit",
    "seed",
    "workers",
    "deadline",
    "pictures",
    "published",
)


@app.command()
def ocr(
    pack: Pack,
    engine: Engine = None,
    order: Order = None,
    text: Text = None,
    split: Split = None,
    source: Source = None,
    tag: Tag = None,
    scope: Scope = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 1,
    deadline: Deadline = None,
    out: Out = None,
    pictures: Pictures = 3,
    published: Published = True,
) -> None:
    """Recognition: character error rate, bags of characters and words, boxes, missing spaces."""
    from ingest.evaluate import ocr as measure

    options, out = _options(locals(), "ocr", pack)
    _report(measure(pack, **options), out)


@app.command()
def order(
    pack: Pack,
    engine: Engine = None,
    order: Order = None,
    text: Text = None,
    split: Split = None,
    source: Source = None,
    tag: Tag = None,
    scope: Scope = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 1,
    deadline: Deadline = None,
    out: Out = None,
    pictures: Pictures = 3,
    published: Published = True,
) -> None:
    """Reading order: NID on text and Markdown, Kendall tau, successors, rules, headings."""
    from ingest.evaluate import order as measure

    options, out = _options(locals(), "order", pack)
    _report(measure(pack, **options), out)


@app.command()
def tables(
    pack: Pack,
    engine: Engine = None,
    order: Order = None,
    text: Text = None,
    split: Split = None,
    source: Source = None,
    tag: Tag = None,
    scope: Scope = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 1,
    deadline: Deadline = None,
    out: Out = None,
    pictures: Pictures = 3,
) -> None:
    """Tables: TEDS with and without text, from the table's crop and from the whole page."""
    from ingest.evaluate import tables as measure

    options, out = _options(locals(), "tables", pack)
    _report(measure(pack, **options), out)


@app.command()
def retrieval(
    pack: Pack,
    engine: Engine = None,
    order: Order = None,
    text: Text = None,
    split: Split = None,
    source: Asked = None,
    tag: Tag = None,
    scope: Scope = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 1,
    deadline: Deadline = None,
    out: Out = None,
    pictures: Pictures = 3,
    mode: Annotated[str, typer.Option("--mode", help="hybrid | vector | text.")] = "hybrid",
    k: Annotated[int, typer.Option("-k", help="Chunks asked for.")] = 50,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Chunk budget, in tokens.")] = None,
    context: Annotated[
        bool | None,
        typer.Option("--context/--no-context", help="Embed chunks under their document's name, headings."),
    ] = None,
    table_text: Annotated[
        str | None, typer.Option("--table-text", help="How table rows are embedded: markdown | sentences.")
    ] = None,
) -> None:
    """Retrieval: ingest the pack's documents, ask its questions, and say which stage lost each miss."""
    from ingest.evaluate import retrieval as measure

    cutting = {"max_tokens": max_tokens, "context": context, "table_text": table_text}
    options, out = _options(locals(), "retrieval", pack)
    given: dict[str, Any] = {name: value for name, value in cutting.items() if value is not None}
    _report(measure(pack, mode=mode, k=k, **given, **options), out)


@app.command()
def speed(
    paths: Annotated[list[str], typer.Argument(metavar="PATHS...", help="Files, folders, URLs, or one pack.")],
    engine: Engine = None,
    order: Order = None,
    text: Text = None,
    split: Split = None,
    source: Source = None,
    tag: Tag = None,
    scope: Scope = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 1,
    deadline: Deadline = None,
    out: Out = None,
    pictures: Pictures = 0,
    repeats: Annotated[int, typer.Option("--repeats", help="How often everything is measured.")] = 1,
    embed: Annotated[bool, typer.Option("--embed/--no-embed", help="Time embedding and indexing, too.")] = True,
    batch: Annotated[
        list[int] | None, typer.Option("--batch", metavar="N", help="Pages the engine gets at a time; repeatable.")
    ] = None,
    grow: Annotated[
        list[str] | None, typer.Option("--grow", metavar="WHAT[:MOST]", help="pages | chunks, larger and larger.")
    ] = None,
) -> None:
    """Speed: seconds per page by stage, pages per second, peak memory, engines in turns."""
    from ingest.evaluate import speed as measure

    options, out = _options(locals(), "speed", Path(paths[0]))
    _report(measure(paths, repeats=repeats, embed=embed, grow=grow or (), batch=batch or (), **options), out)


@app.command("compare")
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Output folders of evaluations.")],
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Put the results of several runs beside each other, on the items they have in common."""
    from ingest.evaluate import compare as measure

    out = out or Path("evaluation") / "compare"
    _report(measure(runs, seed=seed, out=out), out)


@app.command("new-pack")
def new_pack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Documents; they are copied.")],
    questions: Annotated[
        Path, typer.Argument(metavar="QUESTIONS.csv", help="Columns question, answer, file, page, text, scope.")
    ],
    out: Annotated[Path, typer.Argument(metavar="PACK", help="The folder to make.")],
    heldout: Annotated[
        bool, typer.Option("--heldout", help="Hold 40 % of the documents back, as split heldout.")
    ] = False,
) -> None:
    """Start a pack from a folder of documents and a CSV of questions."""
    from ingest.evaluate.new_pack import new_pack as make

    pack = make(folder, questions, out, heldout=heldout)
    kinds = [type(item).__name__ for item in pack.items]
    typer.echo(f"{out}: {kinds.count('DocumentItem')} documents, {kinds.count('QuestionItem')} questions")


# -- from the command line to the package and back ------------------------------------------------------------------


def _options(given: dict[str, Any], command: str, pack: Path) -> tuple[Options, Path]:
    """Return the options that were given, and the output folder, which has a name of its own where none was."""
    out = given["out"] or Path("evaluation") / f"{command}-{pack.resolve().name}"
    options: Any = {name: given[name] for name in NAMES if given.get(name) is not None}
    return {**options, "out": out, "progress": True}, out


def _report(results: Results, out: Path) -> None:
    """Print a table for each source, name what failed, and say where the report lies."""
    from rich.console import Console
    from rich.table import Table

    from ingest.evaluate.report_tables import score_tables, speed_ratios

    console = Console()
    ratios = speed_ratios(results)
    for title, header, rows in map(_narrow, [*score_tables(results), *([ratios] if ratios else [])]):
        table = Table(*header, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        console.print(table, markup=False)
        console.print()
    for line in dict.fromkeys(f"{item.id} ({item.variant.engine}): {item.failure}" for item in results.failures):
        typer.echo(f"failed: {line}", err=True)
    typer.echo(f"{out / 'report.html'}")
    if results.failures:
        raise typer.Exit(1)


def _narrow(table: TextTable) -> tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return a table of engines with a line per metric and a column per engine, where that is narrower."""
    if len(table.rows) + 1 >= len(table.header) or table.header[0] != "engine":
        return table.title, table.header, table.rows
    (_, *names), *metrics = zip(table.header, *table.rows, strict=True)
    return table.title, ("", *names), metrics
