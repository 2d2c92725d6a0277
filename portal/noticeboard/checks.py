"""The last look before publishing: personal data and small cells, judged from what would be printed, not from how it was made. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.noticeboard.content import COUNTS, TABLES
from portal.noticeboard.figures import KINDS
from portal.noticeboard.small_cells import OTHER, Printed, small, small_differences
from portal.wishes import privacy
from portal.wishes.categories import CATEGORIES

NUMBERS = frozenset({"id_no", "phone", "bank_card"})
_FEW_PEOPLE = re.compile(r"(?<![0-9.．万千百十])[1-4一二两三四]\s*(?:户|名|人|位)(?!次)")
_CONTENT = {"definitions", "campaign", "whole", "figures", "tables", "wall", "sentence"}
_TABLE, _ROW, _NAME = {"columns", "rows", "total"}, {"label", "of", "cells"}, {"name", "wishes", "packs"}


@dataclass(frozen=True)
class Problem:
    """``kind``: "private", "small" and "shape" forbid publishing, "difference" is a remark. ``where`` is a key of ``wording.LABELS["board_place"]``.

    ``kinds`` are kinds of personal data (``privacy.ADVICE``); the data itself is never repeated.
    """

    kind: str
    where: str
    kinds: tuple[str, ...] = ()


def problems(
    title: str, remark: str, content: Mapping[str, Any], *, towns: Collection[str], earlier: Sequence[Mapping[str, Any]] = ()
) -> list[Problem]:
    """Everything that stands against publishing, and remarks. ``towns`` are the places that may be named; ``earlier`` the issues to compare with."""
    misshapen = list(_shape(content))
    if misshapen:
        return misshapen  # what is not counts in known columns cannot be looked into any further
    found = [*text_problems("title", title), *text_problems("remark", remark), *_names(content, towns), *_small_figures(content)]
    for name in TABLES:
        table = content["tables"][name]
        found += _small_table(name, table)
        for before in earlier:
            if small_differences(Printed.from_json(before["tables"][name]), Printed.from_json(table)):
                found.append(Problem("small", f"{name}_difference"))
            if any(small(new - old) for old, new in zip(before["tables"][name]["total"], table["total"], strict=True) if None not in (old, new)):
                found.append(Problem("difference", name))
    return list(dict.fromkeys(found))


def forbidding(found: Sequence[Problem]) -> list[Problem]:
    """The problems that stop an issue."""
    return [problem for problem in found if problem.kind != "difference"]


def text_problems(where: str, text: str) -> Iterator[Problem]:
    """Free text: whatever the privacy check would show to a reviewer is one thing too many on a public page."""
    kinds = sorted({finding.kind for finding in privacy.check(text) if finding.severity != "hint"})
    if kinds:
        yield Problem("private", where, tuple(kinds))
    if _FEW_PEOPLE.search(text):
        yield Problem("small", where)


def _shape(content: Mapping[str, Any]) -> Iterator[Problem]:
    """Only the columns of the allow-list, and only counts in them."""
    tables = content["tables"]
    good = set(content) == _CONTENT and set(tables) == set(TABLES)
    for name, columns in TABLES.items():
        table = tables.get(name, {})
        good = good and set(table) == _TABLE and tuple(table["columns"]) == columns and all(set(row) == _ROW for row in table["rows"])
        good = good and all(cell is None or type(cell) is int for row in table["rows"] for cell in row["cells"])
    if not good or not all(set(one) == _NAME for one in content["wall"]["names"]):
        yield Problem("shape", "columns")


def _names(content: Mapping[str, Any], towns: Collection[str]) -> Iterator[Problem]:
    """Row labels come from the lists of categories and towns; names of enterprises and of the campaign carry no numbers of persons."""
    for name, known in (("category", CATEGORIES), ("town", towns)):
        labels = {label for row in content["tables"][name]["rows"] for label in (*row["of"], row["label"])}
        if labels - {OTHER} - set(known):
            yield Problem("private", name)
    for where, texts in (("wall", [one["name"] for one in content["wall"]["names"]]), ("campaign", [content["campaign"]["name"]])):
        kinds = {finding.kind for text in texts for finding in privacy.check(text)} & NUMBERS
        if kinds:
            yield Problem("private", where, tuple(sorted(kinds)))


def _small_figures(content: Mapping[str, Any]) -> Iterator[Problem]:
    shown = content["figures"]
    values = [shown[kind][name] for kind in KINDS for name in COUNTS] + [shown["households"]]
    if any(value is not None and small(value) for value in values):
        yield Problem("small", "figures")
    needs = {"claim": ("claimed", "published"), "fulfil": ("fulfilled", "published"), "keep": ("fulfilled", "claimed")}
    for kind in KINDS:
        if any(value and None in (shown[kind][part] for part in needs[name]) for name, value in shown[kind]["rates"].items()):
            yield Problem("small", "figures")


def _small_table(name: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    """No small cell, none that the total gives away, no merged row that stands for one row, and sums that are right."""
    columns = list(zip(*(row["cells"] for row in table["rows"]), strict=True))
    cells = [cell for row in table["rows"] for cell in row["cells"]] + list(table["total"])
    lonely = any(row["label"] == OTHER and len(row["of"]) < 2 for row in table["rows"])
    gaps = any(None in column and any(cell is not None for cell in column) for column in columns)
    if any(cell is not None and small(cell) for cell in cells) or lonely or gaps:
        yield Problem("small", name)
    if any(None not in column and total is not None and sum(column) != total for column, total in zip(columns, table["total"], strict=False)):
        yield Problem("shape", name)
