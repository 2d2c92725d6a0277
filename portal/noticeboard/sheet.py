"""An issue as an XLSX workbook: from what the page shows, texts always as texts, so that no cell can become a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import xlsxwriter

from portal.formats import day, moment
from portal.wording import _, label

SAFE = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def workbook(issue: Mapping[str, Any]) -> bytes:
    """The bytes of the workbook; the same issue gives the same bytes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, SAFE)
    book.set_properties({"title": issue["title"], "created": issue["published_at"].replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    _put(book, _("公示"), _summary(issue), bold)
    for table in issue["tables"]:
        heads = [table["head"], *(head["label"] for head in table["heads"])]
        rows = [[name, *cells] for name, cells in table["rows"]]
        _put(book, _("按类别") if table["name"] == "category" else _("按街道"), [heads, *rows, [_("合计"), *table["total"]]], bold)
    names = [[name, deeds] for name, deeds in issue["wall"]["names"]]
    if issue["wall"]["others"]:
        names.append([_("另有 %(n)s 家爱心企业", n=issue["wall"]["others"]), ""])
    _put(book, _("爱心榜"), [[_("爱心企业"), _("已圆梦")], *names], bold)
    if issue["errata"]:
        rows = [[moment(one["at"], True), one["text"], one["before"], one["after"]] for one in issue["errata"]]
        _put(book, _("勘误"), [[_("时间"), _("勘误"), _("原来登的数"), _("改正后的数")], *rows], bold)
    book.close()
    return out.getvalue()


def _summary(issue: Mapping[str, Any]) -> list[list[str]]:
    return [
        [issue["title"]],
        [_("%(year)s 年第 %(number)s 期", year=issue["year"], number=issue["number"]), issue["unit"]],
        [_("统计时段"), day(issue["first"], True), day(issue["last"], True)],
        [_("数据截至"), moment(issue["data_at"], True)],
        [_("发布时间"), moment(issue["published_at"], True)],
        [_("口径版本"), issue["definitions"]],
        [],
        [issue["sentence"]],
        *([[issue["remark"]]] if issue["remark"] else []),
        [],
        *([one["label"], one["value"], one["unit"]] for one in issue["figures"]),
        [],
        ["", *(label("figure", name) for name in ("claim", "fulfil", "keep")), _("工会兜底（认领）"), _("工会兜底（圆梦）")],
        *([one["label"], one["claim"], one["fulfil"], one["keep"], one["covered"], one["covered_fulfilled"]] for one in issue["rates"]),
        [],
        ["SHA-256", issue["sha256"]],
    ]


def _put(book: Any, name: str, rows: Sequence[Sequence[str]], bold: Any) -> None:
    """One sheet. Counts become numbers; everything else is written as a string, whatever it begins with."""
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 8, 14)
    for line, row in enumerate(rows):
        for column, value in enumerate(row):
            look = bold if line == 0 else None
            digits = value.replace(",", "")
            if column and digits.isdecimal() and len(digits) < 12:
                sheet.write_number(line, column, int(digits), look)
            else:
                sheet.write_string(line, column, value, look)
