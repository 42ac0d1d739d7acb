"""Fill a folder with labelled pages: python -m loaders.relate.synthesize --out DIR --count N --seed S."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from loaders.relate.synthesize.prose import FOLDER
from loaders.relate.synthesize.shards import fill


def main() -> None:
    """Parse the command line and write shards, one line each."""
    parser = argparse.ArgumentParser(prog="python -m loaders.relate.synthesize", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of shards; those that are there are kept")
    parser.add_argument("--count", type=int, required=True, help="typeset pages")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first page of each family")
    parser.add_argument("--families", default="", help="names, by commas; all where none is given")
    parser.add_argument("--degraded", type=int, default=1, help="degraded variants of each page")
    parser.add_argument("--prose", type=Path, default=FOLDER, help="folder of HTML files to take text from")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    given = parser.parse_args()
    families = tuple(name for name in given.families.split(",") if name)
    started, total = time.monotonic(), 0
    shards = fill(
        given.out,
        given.count,
        given.seed,
        families,
        degraded=given.degraded,
        prose=given.prose,
        workers=given.workers,
    )
    for path, pages in shards:
        total += pages
        sys.stdout.write(f"{path} {pages} pages, {(time.monotonic() - started) / total:.2f} s each\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
