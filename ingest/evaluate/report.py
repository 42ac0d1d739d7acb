"""report.md, report.html and results.json of one evaluation, in one folder.

Comes in: Results and PNG pictures of pages. Goes out: files. report.html needs nothing beside it; report.md links to
the pictures, which are written into `pictures/`.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from ingest.evaluate.growth_plot import growth_plots
from ingest.evaluate.metrics import metric
from ingest.evaluate.report_tables import (
    TextTable,
    cause_table,
    comparison_table,
    failure_table,
    headline,
    legend,
    misses,
    score_tables,
    setting_table,
    speed_ratios,
    variant_name,
    worst_items,
)
from ingest.evaluate.results import ItemResult, Results, write_results

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid #8886; padding: .25rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #8882; }
figure { margin: 1rem 0 2rem; }
figure img { max-width: 100%; max-height: 60rem; border: 1px solid #8886; }
</style></head><body>
<h1>$title</h1>
$body
</body></html>
""")


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as PNG, by the name results give it: the item's id, or DOCUMENT#pN (misses.page_name)."""

    name: str
    png: bytes

    @property
    def file_name(self) -> str:
        """A file name that any file system takes."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16] + ".png"


def _tables(results: Results) -> list[TextTable]:
    optional = (speed_ratios(results), comparison_table(results), cause_table(results), failure_table(results))
    return [*score_tables(results), *(table for table in optional if table), legend(results), setting_table(results)]


def _pages_of(item: ItemResult) -> list[str]:
    return [str(page) for page in item.details.get("pages", ())] or [item.id]


def _worst_line(item: ItemResult) -> str:
    name = headline(item)
    score = f"{name} {metric(name).written(item.scores[name])}" if name else ""
    parts = (item.id, variant_name(item.variant), score, item.failure or "")
    return "; ".join(part for part in parts if part)


def _miss_line(item: ItemResult) -> str:
    scope = f", scope {item.variant.scope}" if item.variant.scope else ""
    return f"{item.details['cause']}: {item.details.get('question', item.id)} ({variant_name(item.variant)}{scope})"


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _markdown_table(table: TextTable) -> str:
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    drawn = "\n".join("| " + " | ".join(_markdown_cell(cell) for cell in line) + " |" for line in lines)
    return f"## {table.title}\n\n{drawn}\n"


def _markdown_list(items: Iterable[ItemResult], line: Mapping[int, str], pictures: Mapping[str, Picture]) -> str:
    out = []
    for item in items:
        links = ", ".join(
            f"[{page}](pictures/{pictures[page].file_name})" if page in pictures else page for page in _pages_of(item)
        )
        out.append(f"- {_markdown_cell(line[id(item)])}: {links}")
    return "\n".join(out) + "\n"


def markdown_report(results: Results, pictures: Sequence[Picture] = (), *, title: str = "Evaluation") -> str:
    """Return report.md: the tables, the misses with links to their pages, the worst items."""
    by_name = {picture.name: picture for picture in pictures}
    parts = [f"# {title}\n", "Means with bootstrapped 95 % intervals, whole groups drawn.\n"]
    parts += [_markdown_table(table) for table in _tables(results)]
    for heading, items, line in _lists(results):
        parts.append(f"## {heading}\n\n" + _markdown_list(items, line, by_name))
    return "\n".join(parts)


def _lists(results: Results) -> list[tuple[str, list[ItemResult], dict[int, str]]]:
    missed, worst = misses(results), worst_items(results)
    found = [
        ("Missed questions", missed, {id(item): _miss_line(item) for item in missed}),
        ("Worst items", worst, {id(item): _worst_line(item) for item in worst}),
    ]
    return [entry for entry in found if entry[1]]


def _html_table(table: TextTable) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    grid = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escape(table.title)}</h2>\n<div class="wide">{grid}</div>'


def _html_list(items: Iterable[ItemResult], line: Mapping[int, str], pictures: Mapping[str, Picture]) -> str:
    out = []
    for item in items:
        links = ", ".join(
            f'<a href="#{pictures[page].file_name}">{escape(page)}</a>' if page in pictures else escape(page)
            for page in _pages_of(item)
        )
        out.append(f"<li>{escape(line[id(item)])}: {links}</li>")
    return "<ul>" + "\n".join(out) + "</ul>"


def _figure(picture: Picture) -> str:
    source = "data:image/png;base64," + b64encode(picture.png).decode("ascii")
    name = escape(picture.name)
    image = f'<img alt="{escape(picture.name, quote=True)}" src="{source}">'
    return f'<figure id="{picture.file_name}">{image}<figcaption>{name}</figcaption></figure>'


def html_report(results: Results, pictures: Sequence[Picture] = (), *, title: str = "Evaluation") -> str:
    """Return report.html: the same with the pictures in it; it loads nothing from anywhere."""
    by_name = {picture.name: picture for picture in pictures}
    parts = ["<p>Means with bootstrapped 95&nbsp;% intervals, whole groups drawn.</p>"]
    parts += [_html_table(table) for table in _tables(results)]
    parts += growth_plots(results)
    for heading, items, line in _lists(results):
        parts.append(f"<h2>{heading}</h2>\n" + _html_list(items, line, by_name))
    if by_name:
        parts.append("<h2>Pages</h2>\n" + "\n".join(_figure(picture) for picture in by_name.values()))
    return _PAGE.substitute(title=escape(title), body="\n".join(parts))


def pages_to_show(results: Results, count: int = 3) -> list[str]:
    """Return the names of the pages that the report links to, for whoever draws them: misses first, then the worst."""
    items = [*misses(results), *worst_items(results, count)]
    return list(dict.fromkeys(page for item in items for page in _pages_of(item)))


def write_report(
    results: Results, out: str | Path, pictures: Sequence[Picture] = (), *, title: str = "Evaluation"
) -> None:
    """Write results.json, report.md, report.html and pictures/ into a folder."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    write_results(results, folder / "results.json")
    (folder / "report.md").write_text(markdown_report(results, pictures, title=title), encoding="utf-8")
    (folder / "report.html").write_text(html_report(results, pictures, title=title), encoding="utf-8")
    for picture in pictures:
        (folder / "pictures").mkdir(exist_ok=True)
        (folder / "pictures" / picture.file_name).write_bytes(picture.png)
