"""Reads the demo's data files."""

from __future__ import annotations

import csv
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Strokes = list[list[list[float]]]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of ``<name>.tsv`` by column."""
    with open(HERE / f"{name}.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def story() -> dict[str, Any]:
    """The plan: days, shares, ways (``path``), packs."""
    return tomllib.loads((HERE / "story.toml").read_text(encoding="utf-8"))


@cache
def signatures() -> list[Strokes]:
    """Drawn signatures: strokes of points, relative to the width of the pad."""
    drawn: list[Strokes] = json.loads((HERE / "signatures.json").read_text(encoding="utf-8"))
    return drawn
