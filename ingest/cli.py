"""The command line: every command parses, calls one function of the package, and prints what it returned.

Exit codes: 0 all well, 1 some documents or pages failed (each is named with its reason), 2 wrong use.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ingest.evaluate.cli import app as evaluate_app
from ingest.printing import add_json, print_hits, print_json, print_report, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.index import Index
    from ingest.intake import AddReport
    from ingest.plan import Executor, PageEvent
    from loaders.document import Document, Failure
    from loaders.settings import Settings

app = typer.Typer(
    name="ingest",
    help="PDFs and scans become an index that answers with the page and the box.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich would take longer to import than all the rest
)
app.add_typer(evaluate_app, name="evaluate")

IndexDir = Annotated[str, typer.Option("--index", metavar="DIR", help="The index's directory or URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Engine = Annotated[str, typer.Option("--engine", help="OCR engine; `ingest engines` lists them.")]
Text = Annotated[str, typer.Option("--text", help="auto: a PDF's own text where it can be trusted | ocr | layer.")]
Raster = Annotated[str, typer.Option("--rasterizer", help="pymupdf (AGPL-3.0 or commercial) | pdfium (permissive).")]
Dpi = Annotated[int, typer.Option("--dpi", help="Resolution to rasterize at.")]
Password = Annotated[str | None, typer.Option("--password", metavar="TEXT", help="For encrypted files.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="A file whose first line is the password.")
]
Deadline = Annotated[float, typer.Option("--deadline", metavar="SECONDS", help="Per page; then it is ended.")]
ModelDir = Annotated[Path | None, typer.Option("--model-dir", metavar="DIR", help="Folder of an engine's model files.")]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Processes that read pages: 1, or on Ray as many as it has room for.")
]


@app.command()
def add(
    paths: Annotated[list[str], typer.Argument(metavar="PATHS...", help="Files, directories, globs, URLs.")],
    index: IndexDir,
    engine: Engine = "ppocr",
    text: Text = "auto",
    rasterizer: Raster = "pymupdf",
    dpi: Dpi = 200,
    model_dir: ModelDir = None,
    workers: Workers = None,
    deadline: Deadline = 120.0,
    password: Password = None,
    password_file: PasswordFile = None,
    embedder: Annotated[
        str | None,
        typer.Option("--embedder", metavar="NAME", help="Of a new index: all-MiniLM-L6-v2 | all-MiniLM-L6-v2-int8 | …"),
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Read on Ray: a local one, or that of --ray-address.")] = False,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", metavar="URL", help="A Ray cluster: auto | host:6379.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="I/N", help="Only fill the cache with the I-th of N shares of pages."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read documents into an index. What is there already is not read again."""
    from ingest.progress import page_progress

    settings = _settings(engine, text, rasterizer, dpi, model_dir, password, password_file)
    with page_progress(quiet=as_json) as on_page:
        work = _Work(paths, index, embedder, settings, workers, deadline, on_page)
        report = _fill(work, shard, ray or ray_address) if shard else _add(work, ray, ray_address)
    if as_json:
        print_json(add_json(report))
    else:
        print_report(report, indexed=not shard)
    _exit_if(report.failures, as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="The question.")],
    index: IndexDir,
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 5,
    mode: Annotated[str, typer.Option("--mode", help="hybrid | vector | text.")] = "hybrid",
    where: Annotated[str | None, typer.Option("--where", help='Condition, e.g. "page_number > 2".')] = None,
    show: Annotated[
        Path | None, typer.Option("--show", metavar="FILE.html", help="Write the hits on their pages as HTML.")
    ] = None,
    password: Password = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question with the chunks that match it best, each with its page and boxes."""
    hits = _index(index, create=False).search(query, k, mode=mode, where=where)  # type: ignore[arg-type]
    failures: Sequence[Failure] = ()
    if show is not None:
        from ingest.citations import write_citations

        failures = write_citations(query, hits, show, password=_password(password, password_file))
    if as_json:
        print_json([{"score": hit.score, "text": hit.text, "metadata": hit.metadata} for hit in hits])
    else:
        print_hits(hits)
        if show is not None:
            typer.echo(f"pages and boxes: {show}")
    _exit_if(failures, as_json)


@app.command()
def read(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file or URL.")],
    format: Annotated[str, typer.Option("--format", help="markdown | json | html | text.")] = "markdown",
    pages: Annotated[str, typer.Option("--pages", metavar="1-3,7", help="Which pages; all where absent.")] = "",
    engine: Engine = "ppocr",
    text: Text = "auto",
    rasterizer: Raster = "pymupdf",
    dpi: Dpi = 200,
    model_dir: ModelDir = None,
    deadline: Deadline = 120.0,
    password: Password = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Read one file and print its text in reading order."""
    from loaders.export import FORMATS

    format = "json" if as_json else format
    if format not in FORMATS:
        _fail(f"--format {format}: choose one of {', '.join(FORMATS)}")
    settings = _settings(engine, text, rasterizer, dpi, model_dir, password, password_file)
    document = _read_one(file, settings, deadline, _page_numbers(pages))
    typer.echo(FORMATS[format](document))
    _exit_if(document.failures)


@app.command()
def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file or URL.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PNG", help="Where the picture goes.")],
    page: Annotated[int, typer.Option("--page", help="1-based page number.")] = 1,
    engine: Engine = "ppocr",
    text: Text = "auto",
    rasterizer: Raster = "pymupdf",
    dpi: Dpi = 200,
    model_dir: ModelDir = None,
    deadline: Deadline = 120.0,
    password: Password = None,
    password_file: PasswordFile = None,
) -> None:
    """Draw a page with its words, blocks, reading order and tables."""
    from loaders.overlay import page_png

    settings = _settings(engine, text, rasterizer, dpi, model_dir, password, password_file)
    document = _read_one(file, settings, deadline, [page])
    if document.pages:
        output.write_bytes(page_png(document.pages[0]))
        typer.echo(f"{output}: page {page} of {document.total_pages}")
    _exit_if(document.failures)


@app.command()
def engines(
    fetch: Annotated[
        str | None, typer.Option("--fetch", metavar="MODEL", help="nemotron-ocr-v1 | v2-en | v2-multi: download it.")
    ] = None,
    model_dir: ModelDir = None,
    as_json: AsJson = False,
) -> None:
    """List the OCR engines, what each needs, and whether it is ready here; or fetch a model."""
    from dataclasses import asdict

    from loaders.ocr import engine_status

    if fetch is not None:
        _fetch(fetch, model_dir)
        return

    rows = engine_status()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_table(
        ("engine", "ready", "what it is", "needs", "detail"),
        [(row.name, "yes" if row.ready else "no", row.summary, row.needs, row.detail) for row in rows],
    )


@app.command()
def export(
    engine: Annotated[str, typer.Argument(metavar="ENGINE", help="nemotron")],
    to: Annotated[str, typer.Option("--to", help="onnx | tensorrt")],
    variant: Annotated[str, typer.Option("--variant", help="v1 | v2-en | v2-multi")] = "v1",
    model_dir: ModelDir = None,
) -> None:
    """Write an engine's networks as ONNX graphs, or build TensorRT engines of them."""
    if engine != "nemotron":
        _fail(f"{engine} cannot be exported; nemotron can")
    from loaders.ocr.nemotron.engine import export as export_networks

    typer.echo(export_networks(to, variant=variant, model_dir=str(model_dir or "")))


@app.command()
def remove(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A path or URL as it was added.")],
    index: IndexDir,
    as_json: AsJson = False,
) -> None:
    """Forget a path, or all under a directory; a document goes when no path holds it."""
    from ingest.intake import remove as remove_path

    removed = remove_path(path, _index(index, create=False))
    if not removed:
        _fail(f"{path} is not in {index}; `ingest stats --index {index}` lists what is")
    if as_json:
        print_json({"removed": removed})
    else:
        for name in removed:
            typer.echo(f"removed {name}")


@app.command()
def stats(index: IndexDir, as_json: AsJson = False) -> None:
    """Say what an index holds."""
    from dataclasses import asdict

    opened = _index(index, create=False)
    totals, sources = opened.stats(), opened.sources()
    if as_json:
        print_json(asdict(totals) | {"sources": [asdict(entry) for entry in sources]})
        return
    print_table(("", ""), [(name.replace("_", " "), str(value)) for name, value in asdict(totals).items()])
    print_table(
        ("path", "pages", "failed", "chunks"),
        [(entry.path, str(entry.total_pages), str(entry.failed_pages), str(entry.chunks)) for entry in sources],
    )


# -- from the command line to the package ---------------------------------------------------------------------------


def _settings(
    engine: str,
    text: str,
    rasterizer: str,
    dpi: int,
    model_dir: Path | None,
    password: str | None,
    password_file: Path | None,
) -> Settings:
    from loaders.settings import Settings

    return Settings(
        engine=engine,
        engine_options=() if model_dir is None else (("model_dir", str(model_dir)),),
        text=text,  # type: ignore[arg-type]  # Settings says which values there are
        rasterizer=rasterizer,  # type: ignore[arg-type]
        dpi=dpi,
        password=_password(password, password_file),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What `add` was asked to do."""

    paths: list[str]
    index: str
    embedder: str | None
    settings: Settings
    workers: int | None
    deadline: float
    on_page: Callable[[PageEvent], None] | None


def _add(work: _Work, ray: bool, address: str | None) -> AddReport:
    from ingest.intake import add as add_paths

    executor: Executor | None = None
    if ray or address:
        from ingest.ray_run import Ray

        executor = Ray(address=address, workers=work.workers)
    return add_paths(
        work.paths,
        _index(work.index, work.embedder),
        work.settings,
        workers=_local_workers(work),
        executor=executor,
        deadline=work.deadline,
        on_page=work.on_page,
    )


def _local_workers(work: _Work) -> int:
    return 1 if work.workers is None else work.workers


def _fill(work: _Work, shard: str, ray: Any) -> AddReport:
    from ingest.index import cache_of
    from ingest.intake import fill
    from ingest.plan import Shard

    if ray:
        _fail("give --shard or --ray, not both: a shard is for schedulers that are not Ray")
    return fill(
        work.paths,
        cache_of(work.index),
        Shard.of(shard),
        work.settings,
        workers=_local_workers(work),
        deadline=work.deadline,
        on_page=work.on_page,
    )


def _fetch(model: str, model_dir: Path | None) -> None:
    from loaders.ocr.nemotron import VARIANTS
    from loaders.ocr.nemotron.fetch import fetch
    from loaders.ocr.nemotron.loading import default_folder

    variant = model.removeprefix("nemotron-ocr-")
    if variant not in VARIANTS:
        _fail(f"--fetch {model}: choose one of {', '.join(f'nemotron-ocr-{name}' for name in VARIANTS)}")
    typer.echo(fetch(variant, model_dir or default_folder(variant), notice=typer.echo))


def _password(text: str | None, file: Path | None) -> str | None:
    if text is not None and file is not None:
        _fail("give --password or --password-file, not both")
    if file is None:
        return text
    try:
        return (file.read_text(encoding="utf-8").splitlines() or [""])[0]
    except OSError as error:
        _fail(f"--password-file {file}: {error.strerror}")


def _index(directory: str, embedder: str | None = None, *, create: bool = True) -> Index:
    from ingest.index import Index
    from loaders.errors import StoreError

    try:
        return Index(directory, embedder, create=create)
    except StoreError as error:
        _fail(str(error))


def _page_numbers(pages: str) -> list[int] | None:
    """Read "1-3,7" as [1, 2, 3, 7]."""
    numbers: list[int] = []
    for part in filter(None, pages.replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()) or int(first) < 1 or int(last or first) < int(first):
            _fail(f"--pages {pages}: write page numbers as 1-3,7")
        numbers += range(int(first), int(last or first) + 1)
    return numbers or None


def _read_one(file: str, settings: Settings, deadline: float, pages: list[int] | None) -> Document:
    """Read one file in a worker process, so that neither a crash nor a hang of a native library is ours."""
    from ingest.run import read_documents
    from loaders.document import Failure
    from loaders.errors import SourceError
    from loaders.sources import open_source

    try:
        source = open_source(file)
    except SourceError as error:
        _exit_if([Failure.of(error, file, None, "open")])
        raise
    results: Iterator[Any] = read_documents([source], settings, deadline=deadline, pages=pages)
    result = next(results)
    if isinstance(result, Failure):
        _exit_if([result])
    document: Document = result.document
    return document


# -- how a command ends -----------------------------------------------------------------------------------------------


def _exit_if(failures: Sequence[Failure], as_json: bool = False) -> None:
    """Name each failure on standard error (where JSON has not named it) and exit 1; go on when there is none."""
    if not failures:
        return
    for failure in failures if not as_json else ():
        where = failure.source if failure.page is None else f"{failure.source} page {failure.page}"
        typer.echo(f"failed: {where} ({failure.stage}): {failure.error}", err=True)
    raise typer.Exit(1)


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command line; wrong use of the package is reported as wrong use of the command."""
    from loaders.errors import EngineNotReady, OcrIngestError, UsageError

    try:
        app()
    except (UsageError, EngineNotReady) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OcrIngestError as error:
        typer.echo(f"error: {type(error).__name__}: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
