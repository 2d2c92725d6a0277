"""Import of wishes and packs from TSV or XLSX: every row is looked over, then all are written as drafts, or none."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from portal.accounts.models import UnionUnit
from portal.codes import CodeError, food_licence
from portal.database import db, utcnow
from portal.households.models import Household
from portal.households.queries import household_of
from portal.journal import Actor, transaction
from portal.refusal import Refused
from portal.wishes.categories import WISH_CATEGORIES
from portal.wishes.models import Campaign, PackItem, Posting
from portal.wishes.operations.posting import Draft, Item, check_draft, draft_values, helpable
from portal.wishes.queries import current_campaign, local_day
from portal.wording import LABELS, sentence

MOST_ROWS = 20_000
MOST_BYTES = 10 * 1024 * 1024
MOST_INFLATED = 200 * 1024 * 1024
MOST_FACT = (40, 40, 16, 80, 40, 10, 4)
COLUMNS = {  # header in Chinese (with its English twin): field
    "wishes": {
        "档案编号": "household", "household": "household", "物品或服务": "title", "title": "title", "类别": "category",
        "category": "category", "规格": "spec", "spec": "spec", "公开文字": "public_text", "public_text": "public_text",
        "参考价值": "value", "value_yuan": "value", "最迟送达": "latest_day", "latest_day": "latest_day", "交付方式": "mode", "mode": "mode",
        "交付地点": "point", "point": "point",
    },
    "packs": {
        "名称": "title", "title": "title", "内容": "contents", "contents": "contents", "每份价值": "value", "value_yuan": "value",
        "份数": "quantity", "quantity": "quantity", "最迟送达": "latest_day", "latest_day": "latest_day", "说明": "public_text",
        "public_text": "public_text", "交付方式": "mode", "mode": "mode", "交付地点": "point", "point": "point",
    },
}  # fmt: skip
NEEDED = {"wishes": ("household", "title", "category", "value", "latest_day"), "packs": ("title", "contents", "value", "quantity", "latest_day")}


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


class Fault(Exception):
    """One cell is wrong: column and sentence; the value found is named by the report."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column, self.why = column, why


@dataclass(frozen=True)
class Row:
    """One row of the file: its number as the sheet shows it, its cells as text by header."""

    number: int
    cells: dict[str, str]


@dataclass
class Report:
    """What looking over found: good drafts, and faults as (row, column, value found, what is wrong)."""

    good: list[tuple[Household | None, Draft]] = field(default_factory=list)
    faults: list[tuple[int, str, str, str]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """A line for each fault: where, what was found, what is wrong."""
        for row, column, value, why in self.faults:
            yield f"第 {row} 行　{column}　{value[:30]!r}　{why}"


# -- reading ------------------------------------------------------------------------------------------------------------------------


def read(file: Path) -> list[Row]:
    """The rows of a .tsv (UTF-8 or GB 18030) or .xlsx file. UnreadableFile in words for anything else."""
    raw = file.read_bytes()
    if len(raw) > MOST_BYTES:
        raise UnreadableFile(f"文件超过 {MOST_BYTES // 1024 // 1024} MB，请分成几个文件 · the file is too large, please split it")
    if file.suffix.lower() == ".xlsx":
        table = _xlsx(raw)
    elif file.suffix.lower() in (".tsv", ".txt"):
        table = _tsv(raw)
    else:
        raise UnreadableFile("只能读 .xlsx 和 .tsv；.xls 请在 Excel 里另存为 .xlsx · only .xlsx and .tsv can be read")
    rows = [(number, cells) for number, cells in enumerate(table, start=1) if any(cells)]
    if len(rows) < 2:
        raise UnreadableFile("文件里没有数据行 · there are no rows of data")
    if len(rows) > MOST_ROWS:
        raise UnreadableFile(f"一次最多 {MOST_ROWS} 行 · at most {MOST_ROWS} rows at a time")
    heads = [head.strip().rstrip("*").strip() for head in rows[0][1]]
    # An editor may leave out the empty cells at the end of a line: they are there all the same.
    return [
        Row(number, {head: cell.strip() for head, cell in zip(heads, cells + [""] * len(heads), strict=False) if head}) for number, cells in rows[1:]
    ]


def _tsv(raw: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            if "\0" not in text:  # UTF-16 may pass for GB 18030, but for the zeros in it
                return list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    raise UnreadableFile("文件的编码读不出来，请存成 UTF-8 · the file's encoding cannot be read, please save it as UTF-8")


def _xlsx(raw: bytes) -> list[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_INFLATED:
                raise UnreadableFile("文件展开后太大，请分成几个文件 · the file is too large inside, please split it")
        return [[_text(cell) for cell in line] for line in CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()]
    except (zipfile.BadZipFile, CalamineError, IndexError):
        raise UnreadableFile("这不是能读的 .xlsx（可能有密码或已损坏）· this is no readable .xlsx (locked or damaged?)") from None


def _text(cell: Any) -> str:
    if isinstance(cell, datetime | date):
        return cell.strftime("%Y-%m-%d")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


# -- looking over -------------------------------------------------------------------------------------------------------------------


def look_over(kind: str, rows: list[Row], *, by: Actor, progress: Callable[[int], None] | None = None) -> Report:
    """Turn rows into drafts; every fault is reported with row, column and value. Nothing is written."""
    campaign = current_campaign()
    report = Report()
    if campaign is None:
        report.faults.append((1, "", "", "没有正在进行的活动 · there is no current campaign"))
        return report
    missing = [name for name in NEEDED[kind] if name not in {COLUMNS[kind].get(head) for head in rows[0].cells}]
    if missing:
        names = [next(head for head, field_name in COLUMNS[kind].items() if field_name == name) for name in missing]
        report.faults.append((1, "、".join(names), "", "表头里缺这几列 · these columns are missing"))
        return report
    unit = db.session.get_one(UnionUnit, by.unit_id)
    for row in rows:
        _look(kind, row, campaign, unit, by, report)
        if progress:
            progress(1)
    return report


def _look(kind: str, row: Row, campaign: Campaign, unit: UnionUnit, by: Actor, report: Report) -> None:
    heads = {COLUMNS[kind][head]: head for head in row.cells if head in COLUMNS[kind]}
    values = {name: row.cells[head] for name, head in heads.items()}
    try:
        household = _household(values["household"], by) if kind == "wishes" else None
        draft = _draft(kind, values, unit)
        if household is not None:
            helpable(household, local_day(utcnow()))
        check_draft(draft, campaign, local_day(utcnow()))
    except Fault as fault:
        report.faults.append((row.number, heads.get(fault.column, fault.column), values.get(fault.column, ""), fault.why))
    except Refused as refused:
        column = {"items": "contents"}.get(refused.field or "", refused.field or "")
        report.faults.append((row.number, heads.get(column, column), values.get(column, ""), sentence(refused.code, refused.params)))
    else:
        report.good.append((household, draft))


def _household(code: str, by: Actor) -> Household:
    found = household_of(by, code.upper())
    if found is None:
        raise Fault("household", "没有找到这份档案，请核对编号 · no such file in your unit")
    return found


def _draft(kind: str, values: dict[str, str], unit: UnionUnit) -> Draft:
    mode = _choice("mode", values.get("mode", "") or "station", {str(text): code for code, text in LABELS["mode"].items()})
    shared: dict[str, Any] = {
        "title": _string("title", values["title"], 60, needed=True), "public_text": _string("public_text", values.get("public_text", ""), 300),
        "value_fen": _fen(values["value"]), "latest_day": _day("latest_day", values["latest_day"]), "mode": mode,
        "point": _string("point", values.get("point", "") or unit.station, 80),
    }  # fmt: skip
    if kind == "wishes":
        labels = {category.label: code for code, category in WISH_CATEGORIES.items()}
        category = _choice("category", values["category"], labels)
        return Draft(category=category, spec=_string("spec", values.get("spec", ""), 200), **shared)
    return Draft(category="pack", quantity=_whole("quantity", values["quantity"], 1, 100_000), items=_items(values["contents"]), **shared)


def _string(column: str, value: str, most: int, needed: bool = False) -> str:
    if needed and not value:
        raise Fault(column, "这一格要填 · must be filled")
    if len(value) > most:
        raise Fault(column, f"最多 {most} 个字，现在是 {len(value)} 个 · at most {most} characters")
    return value


def _choice(column: str, value: str, labels: dict[str, str]) -> str:
    if value in labels.values():
        return value
    if value in labels:
        return labels[value]
    raise Fault(column, f"只能是：{'、'.join(labels)} · choose one of these")


def _fen(value: str) -> int:
    try:
        amount = Decimal(value.replace(",", "").removesuffix("元") or "0") * 100
    except ArithmeticError:  # no number, or one that no computer holds
        raise Fault("value", "请写成数字，例如 280 或 99.50 · write a number") from None
    if not amount.is_finite() or amount < 0 or amount > 10_000_000 or amount != amount.to_integral_value():
        raise Fault("value", "请写 0 到 100000 元之间的数字，最多两位小数 · 0 to 100000, two decimals at most")
    return int(amount)


def _whole(column: str, value: str, least: int, most: int) -> int:
    if not value.isdecimal() or not least <= int(value) <= most:
        raise Fault(column, f"请写 {least} 到 {most} 的整数 · a whole number from {least} to {most}")
    return int(value)


def _day(column: str, value: str) -> date:
    try:
        return date.fromisoformat(value.replace("/", "-").replace(".", "-"))
    except ValueError:
        raise Fault(column, "日期请写成 2027-01-20 · write the day as 2027-01-20") from None


def _items(text: str) -> tuple[Item, ...]:
    """Articles separated by ";", facts by "|": name|amount, and for food |licence|producer|batch|made on|days it keeps."""
    found = []
    for part in (part.strip() for part in text.replace("；", ";").split(";")):
        facts = [fact.strip() for fact in part.replace("｜", "|").split("|")]
        if not part:
            continue
        if len(facts) not in (1, 2, 7):
            raise Fault("contents", "每样写：名称|数量，食品再加 |许可证|生产者|批号|生产日期|保质天数 · name|amount, and for food 5 facts more")
        _facts(facts)
        if len(facts) < 7:
            found.append(Item(facts[0], facts[1] if len(facts) == 2 else ""))
            continue
        try:
            licence = food_licence(facts[2])
        except CodeError:
            raise Fault("contents", f"{facts[0]}：食品生产许可证应为 SC 加 14 位数字 · SC and 14 digits") from None
        made, days = _day("contents", facts[5]), _whole("contents", facts[6], 1, 3650)
        found.append(Item(facts[0], facts[1], True, licence, facts[3], facts[4], made, days))
    if not found:
        raise Fault("contents", "这一格要填 · must be filled")
    return tuple(found)


def _facts(facts: list[str]) -> None:
    """Each article has a name; food has every fact of its label, and none is longer than there is room for."""
    for number, (fact, most) in enumerate(zip(facts, MOST_FACT, strict=False)):
        _string("contents", fact, most, needed=number != 1)  # the amount may be left out


# -- writing ------------------------------------------------------------------------------------------------------------------------


def write(kind: str, report: Report, *, by: Actor, now: datetime | None = None) -> list[str]:
    """Write all drafts in one transaction with one event; returns their codes. All or nothing."""
    now = now or utcnow()
    campaign = current_campaign()
    if campaign is None:
        raise Refused("no_campaign")
    unit = db.session.get_one(UnionUnit, by.unit_id)
    codes: list[str] = []
    with transaction() as tx:
        for household, draft in report.good:
            posting = Posting(
                code=tx.new_code(Posting, "WX" if kind == "wishes" else "NH"), campaign_id=campaign.id, kind="wish" if kind == "wishes" else "pack",
                unit_id=unit.id, town=household.town if household else unit.town,
                household_id=household.id if household else None, posted_by=by.id, posted_at=now, checks=[], **draft_values(draft),
            )  # fmt: skip
            posting.items = [PackItem(**vars(item)) for item in draft.items]
            tx.session.add(posting)
            codes.append(posting.code)
        tx.session.flush()
        tx.event("posting.import", campaign, by=by, at=now, unit_id=by.unit_id, kind=kind, rows=len(codes), codes=codes[:500])
    return codes
