"""`make bench`: measure on both engines at each size and write docs/figures.md. ARGS='--sizes 1000,100000 --engines sqlite' for less."""

from __future__ import annotations

import argparse
import contextlib
import platform
import sys
from pathlib import Path

import portal.database
from bench import browsing, claiming, starting
from bench.figure import Figure, thousands
from bench.scene import ROOT, Scene, scene, server

TARGET = ROOT / "docs" / "figures.md"
HEAD = """# Figures of speed

Made by `make bench`; the goals are those the portal was designed for. Speed is a ratio: the portal and a plain program of the same work
(`bench/plain.py`) are measured in turn, A B A B, on the same machine and database, and the medians compared, so that a slow or busy machine
slows both. Processor time counts the database server's share too. What misses its goal says so.

The hall's plain neighbour is a Flask + Jinja page with the same number of bytes, loops over 24 cards and all filters, no database, no session, no
translation. The bare claim is a Flask + SQLAlchemy endpoint with one guarded UPDATE and two INSERTs in one durable transaction
(SQLite: WAL with FULL; PostgreSQL: fsync and synchronous_commit on).
"""


def measure(scenes: list[Scene]) -> list[Figure]:
    """Everything that is measured on one engine; ``scenes`` from small to large."""
    small, large = scenes[0], scenes[-1]
    found: list[Figure] = []
    for step in (
        lambda: browsing.beside_plain(large),
        lambda: [figure for other in scenes[1:] for figure in browsing.growth(small, other)],
        lambda: [figure for one in scenes for figure in browsing.searching(one)],
        lambda: [figure for one in scenes for figure in browsing.figures_kept(one)],
        lambda: starting.memory(large),
        lambda: starting.first_load(large) if large.engine == "sqlite" else [],
        lambda: claiming.beside_bare(large),
        lambda: claiming.races(large),
    ):
        for figure in step():
            print(figure.row(), flush=True)
            found.append(figure)
    return found


def filling(scenes: list[Scene]) -> list[Figure]:
    """How long the databases took to fill; told, not judged."""
    return [Figure("Filling the database", one.engine, thousands(one.size), one.seconds, unit="s") for one in scenes]


def write(figures: list[Figure], note: str = "", target: Path = TARGET) -> None:
    """The table as a page of the documentation; ``note`` says what was special about the run."""
    judged = [figure for figure in figures if figure.met is not None]
    machine = f"{platform.system()} on {platform.machine()}, Python {platform.python_version()}, SQLite {portal.database.sqlite.sqlite_version}"
    lines = [
        HEAD, *([note, ""] if note else []), f"{sum(1 for figure in judged if figure.met)} of {len(judged)} goals met. {machine}.", "",
        "| What | Engine | Postings | Goal | Measured | |", "|---|---|---|---|---|---|", *(figure.row() for figure in figures), "",
    ]  # fmt: skip
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Read the arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000,1000000", help="numbers of postings, comma separated, small to large")
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--note", default="", help="a sentence about this run for the page, such as what else the machine was doing")
    chosen = parser.parse_args()
    figures = starting.start()
    for engine in chosen.engines.split(","):
        with server(engine) as base, contextlib.ExitStack() as stack:
            scenes = [stack.enter_context(scene(engine, int(size), base)) for size in chosen.sizes.split(",")]
            figures += measure(scenes) + filling(scenes)
    write(figures, chosen.note)
    print(f"written: {TARGET.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
