"""Writes a sample workbook and a sample .tsv for trying `portal import`: their file codes and days fit the demo that is loaded."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import xlsxwriter
from sqlalchemy import select

from portal.database import db, utcnow
from portal.demo.data import rows
from portal.households.models import Household
from portal.wishes.categories import WISH_CATEGORIES
from portal.wishes.queries import local_day

HEADS = ("档案编号*", "物品或服务*", "规格", "类别*", "参考价值*", "公开文字", "最迟送达*", "交付方式")
WIDTHS = (18, 26, 28, 12, 10, 44, 14, 12)
POSTER = "lin"
"""Whose households the samples are of: `portal import wishes sample_wishes.xlsx --by lin`."""
LIN_UNITS = ("luqiao", "luqiao-east")
COUNT = 20
DAYS_AHEAD = 20


def write(folder: Path, today: date | None = None) -> list[Path]:
    """Write sample_wishes.tsv and sample_wishes.xlsx (20 rows that can be imported) into the folder; returns their paths.

    Without the demo's households there is nothing to write: an empty list.
    """
    table = _table(today or local_day(utcnow()))
    if not table:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    tsv, workbook = folder / "sample_wishes.tsv", folder / "sample_wishes.xlsx"
    with open(tsv, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n").writerows([HEADS, *table])
    with xlsxwriter.Workbook(workbook, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("微心愿")
        text = book.add_format({"num_format": "@"})
        for column, width in enumerate(WIDTHS):
            sheet.set_column(column, column, width, text)
        for number, line in enumerate([HEADS, *table]):
            sheet.write_row(number, 0, line, text)
        sheet.freeze_panes(1, 0)
    return [tsv, workbook]


def _table(today: date) -> list[tuple[str, ...]]:
    homes = [row for row in rows("households") if row["unit"] in LIN_UNITS and row["file_state"] == "filed"]
    modes = {"station": "送到工会服务站", "visit": "上门（工会陪同）", "arranged": "服务类，提供方安排"}
    wishes = [row for row in rows("wishes") if row["use"] == "wish" and row["origin"] == "published" and row["beneficiary"] == "adult"]
    latest = (today + timedelta(days=DAYS_AHEAD)).isoformat()
    table: list[tuple[str, ...]] = []
    for home, wish in zip(homes, wishes[::3], strict=False):
        code = db.session.scalar(select(Household.code).where(Household.id_no.equals(home["id_number"])))
        if code:
            facts = (wish["item"], wish["spec"], WISH_CATEGORIES[wish["category"]].label, wish["value_yuan"], wish["public_text"])
            table.append((code, *facts, latest, modes[wish["mode"]]))
    return table[:COUNT]
