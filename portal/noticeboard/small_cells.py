"""No printed cell from which a household could be recognised: rows with small cells are merged, also against earlier issues. Pure.

A count of 1 to 4 is small. A table is printed as a partition of its rows with the sum of each part: every part has counts of 0 or at
least 5, and a part that hides a small row has at least two rows, so that the total minus the other rows gives nothing away. Two
issues of one campaign can be subtracted from each other; every difference that a reader can form is 0 or at least 5 too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.noticeboard.models import SMALL

Cells = tuple[int, ...]
OTHER = "other"


def small(value: int) -> bool:
    """Whether a count (or a difference of counts) is too small to print."""
    return 0 < abs(value) < SMALL


def mask(value: int) -> int | None:
    """The count, or None for one that is too small: shown as 少于 5."""
    return None if small(value) else value


@dataclass(frozen=True)
class Part:
    """One printed row: the labels it stands for and its cells; None is a cell that is not printed."""

    labels: tuple[str, ...]
    cells: tuple[int | None, ...]


@dataclass(frozen=True)
class Printed:
    """A table as printed; the parts are disjoint."""

    parts: tuple[Part, ...]
    total: tuple[int | None, ...]

    def as_json(self) -> dict[str, Any]:
        """For the frozen content; ``of`` names what a merged row stands for and is never shown."""
        rows = [
            {"label": part.labels[0] if len(part.labels) == 1 else OTHER, "of": list(part.labels), "cells": list(part.cells)} for part in self.parts
        ]
        return {"rows": rows, "total": list(self.total)}

    @staticmethod
    def from_json(table: Mapping[str, Any]) -> Printed:
        """What as_json() wrote."""
        return Printed(tuple(Part(tuple(row["of"]), tuple(row["cells"])) for row in table["rows"]), tuple(table["total"]))


def protect(rows: Mapping[str, Cells], earlier: Sequence[Printed] = (), width: int = 0) -> Printed:
    """The table of ``width`` columns that may be printed for these rows, given the issues that it can be subtracted from.

    A column that would force (nearly) everything into one row is printed as a total only, the smallest first.
    """
    rows = {label: cells for label, cells in rows.items() if any(cells)}
    totals = tuple(map(sum, zip(*rows.values(), strict=True))) or (0,) * width
    split = [column for column, total in enumerate(totals) if total and not small(total)]
    parts = _merged(rows, split, earlier)
    while len(parts) < 2 and len(split) > 1:
        split.remove(min(split, key=lambda column: totals[column]))
        parts = _merged(rows, split, earlier)
    if not split or (len(parts) < 2 and len(rows) > 1):
        parts = []
    shown = [*split, *(column for column, total in enumerate(totals) if not total)]
    return Printed(tuple(_part(rows, labels, shown) for labels in parts), tuple(mask(total) for total in totals))


def _sum(rows: Mapping[str, Cells], labels: Iterable[str], column: int) -> int:
    return sum(rows[label][column] for label in labels if label in rows)


def _merged(rows: Mapping[str, Cells], split: Sequence[int], earlier: Sequence[Printed]) -> list[tuple[str, ...]]:
    """The partition: single rows, and at most one merged row at the end."""
    pool = {label for label, cells in rows.items() if any(small(cells[column]) for column in split)}
    by_size = sorted(rows, key=lambda label: (sum(rows[label][column] for column in split), label))
    while len(pool) < len(rows):
        parts: list[tuple[str, ...]] = [(label,) for label in rows if label not in pool]
        if pool:
            parts.append(tuple(sorted(pool)))
        telling = _too_telling(rows, parts, split, earlier)
        if not telling:
            return parts
        pool |= (telling - pool) or {next(label for label in by_size if label not in pool)}
    return [tuple(sorted(rows))] if rows else []


def _too_telling(rows: Mapping[str, Cells], parts: list[tuple[str, ...]], split: Sequence[int], earlier: Sequence[Printed]) -> set[str]:
    """Labels of parts that are small, or whose difference from an earlier issue is."""
    found = {label for labels in parts if any(small(_sum(rows, labels, column)) for column in split) for label in labels}
    now = Printed(tuple(_part(rows, labels, split) for labels in parts), ())
    for before in earlier:
        found |= {label for labels, *_ in small_differences(before, now) for label in labels if label in rows}
    return found


def _part(rows: Mapping[str, Cells], labels: tuple[str, ...], split: Sequence[int]) -> Part:
    width = len(next(iter(rows.values())))
    return Part(labels, tuple(_sum(rows, labels, column) if column in split else None for column in range(width)))


def small_differences(before: Printed, now: Printed) -> list[tuple[tuple[str, ...], int, int]]:
    """(labels, column, difference) of every small difference that a reader of both tables can form.

    Only sets of rows that both tables add up can be compared: the parts of the finest partition that both refine. A label that
    one table does not have is 0 there, unless that table hides its column.
    """
    found = []
    for labels in _common(before, now):
        for column in range(max(_columns(before), _columns(now))):
            old, new = _value(before, labels, column), _value(now, labels, column)
            if old is not None and new is not None and small(new - old):
                found.append((labels, column, new - old))
    return found


def _columns(table: Printed) -> int:
    return max((len(part.cells) for part in table.parts), default=0)


def _value(table: Printed, labels: Iterable[str], column: int) -> int | None:
    """The sum of the parts inside ``labels``; None when a cell is hidden or nothing is printed at all."""
    wanted = set(labels)
    cells = [part.cells[column] for part in table.parts if wanted.issuperset(part.labels)]
    hidden = not table.parts or any(part.cells[column] is None for part in table.parts)
    return None if hidden else sum(cell for cell in cells if cell is not None)


def _common(before: Printed, now: Printed) -> list[tuple[str, ...]]:
    """The finest partition of all labels whose parts both tables can add up."""
    groups: list[set[str]] = []
    for part in (*before.parts, *now.parts):
        touching = [group for group in groups if group & set(part.labels)]
        groups = [group for group in groups if group not in touching] + [set(part.labels).union(*touching)]
    return [tuple(sorted(group)) for group in groups]
