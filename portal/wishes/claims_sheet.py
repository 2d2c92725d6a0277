"""A list of claims as an XLSX workbook; texts always as texts, so that no cell can become a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import xlsxwriter

from portal.formats import moment
from portal.wording import _, label

SAFE = {"in_memory": True, "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
WIDTHS = (14, 14, 32, 12, 24, 24, 8, 8, 12, 18, 12, 12, 14)


def workbook(rows: Iterable[dict[str, Any]], now: datetime) -> bytes:
    """The bytes of a workbook with one line for each row of follow_queries.row_of(), below a line that says when it was made."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, SAFE)
    sheet = book.add_worksheet(_("认领与送达"))
    bold = book.add_format({"bold": True})
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    sheet.write_string(0, 0, _("数据截至 %(at)s", at=moment(now, True)))
    heads = (
        _("认领编号"), _("心愿编号"), _("心愿"), _("类型"), _("报送单位"), _("认领单位"), _("份数"), _("已确认"), _("状态"), _("认领时间"),
        _("最迟备好"), _("最迟送到"), _("参考价值（元）"),
    )  # fmt: skip
    for column, head in enumerate(heads):
        sheet.write_string(2, column, head, bold)
    for line, row in enumerate(rows, start=3):
        _write(sheet, line, row)
    book.close()
    return out.getvalue()


def _write(sheet: Any, line: int, row: dict[str, Any]) -> None:
    cells: tuple[str | int | float, ...] = (
        row["code"], row["posting"], row["title"], label("kind", row["kind"]), row["unit"], row["who"], row["quantity"], row["delivered"],
        label("claim", row["state"]), moment(row["claimed_at"], True), row["ready_by"].isoformat(), row["deliver_by"].isoformat(),
        row["value_fen"] / 100,
    )  # fmt: skip
    for column, cell in enumerate(cells):
        if isinstance(cell, str):
            sheet.write_string(line, column, cell)
        else:
            sheet.write_number(line, column, cell)
