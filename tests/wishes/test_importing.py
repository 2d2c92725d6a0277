"""Import of wishes and packs: what is read, forty-odd ways to be wrong and the sentence for each, and all or nothing."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import func, select

from portal.database import db, utcnow
from portal.journal import Event
from portal.wishes import importing, shelf
from portal.wishes.importing import UnreadableFile, look_over, read, write
from portal.wishes.models import Campaign, PackItem, Posting

RICE = "大米|10 公斤|SC10132040000011|云湖米业|B20261101|{made}|365"


def wish_row(cast: Any, code: str, **changes: object) -> dict[str, object]:
    day = (cast.today + timedelta(days=20)).isoformat()
    plain = {
        "档案编号": code,
        "物品或服务": "一台取暖器",
        "规格": "2000 瓦以内",
        "类别": "家用电器",
        "参考价值": "280",
        "公开文字": "放在老人房间。",
        "最迟送达": day,
        "交付方式": "",
    }
    return {**plain, **changes}


def pack_row(cast: Any, **changes: object) -> dict[str, object]:
    day = (cast.today + timedelta(days=20)).isoformat()
    made = (cast.today - timedelta(days=20)).isoformat()
    return {"名称": "米面油组合", "内容": f"{RICE.format(made=made)}；毛巾|两条", "每份价值": "168", "份数": "40", "最迟送达": day, **changes}


def tsv(folder: Path, rows: list[dict[str, object]], encoding: str = "utf-8", name: str = "rows.tsv") -> Path:
    lines = ["\t".join(rows[0]), *("\t".join(str(cell) for cell in row.values()) for row in rows)]
    file = folder / name
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def xlsx(folder: Path, rows: list[dict[str, object]], name: str = "rows.xlsx") -> Path:
    with xlsxwriter.Workbook(folder / name) as book:
        sheet = book.add_worksheet()
        for number, line in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
            sheet.write_row(number, 0, line)
    return folder / name


@pytest.fixture
def category() -> str:
    """The label of a category of wishes."""
    return next(iter(importing.WISH_CATEGORIES.values())).label


def faults(cast: Any, kind: str, file: Path) -> list[str]:
    return list(look_over(kind, read(file), by=cast.lin).lines())


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


# -- what is good -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tsv, xlsx])
def test_good_rows_become_drafts_in_one_event(cast, tmp_path, category, make):
    homes = [cast.household() for _ in range(3)]
    rows = [wish_row(cast, home.code, 类别=category) for home in homes]
    before = count(Event)
    report = look_over("wishes", read(make(tmp_path, rows)), by=cast.lin)
    assert (report.faults, len(report.good), count(Posting)) == ([], 3, 0)
    codes = write("wishes", report, by=cast.lin)
    found = db.session.scalars(select(Posting).order_by(Posting.id)).all()
    assert [row.code for row in found] == codes
    assert {(row.state, row.kind, row.quantity, row.value_fen, row.posted_by, row.mode, row.point, row.town) for row in found} == {
        ("draft", "wish", 1, 28_000, cast.lin.id, "station", "潞桥街道工会服务站", "潞桥街道")
    }
    assert [row.household_id for row in found] == [home.id for home in homes]
    assert count(Event) == before + 1
    assert shelf.kept(db.session) == shelf.recount(db.session) == {}


def test_packs_come_with_their_food_facts(cast, tmp_path):
    report = look_over("packs", read(tsv(tmp_path, [pack_row(cast)])), by=cast.lin)
    assert report.faults == []
    write("packs", report, by=cast.lin)
    lot = db.session.scalars(select(Posting)).one()
    assert (lot.kind, lot.quantity, lot.value_fen, lot.household_id) == ("pack", 40, 16_800, None)
    items = db.session.scalars(select(PackItem).order_by(PackItem.id)).all()
    assert [(item.name, item.food, item.licence, item.batch, item.shelf_days) for item in items] == [
        ("大米", True, "SC10132040000011", "B20261101", 365), ("毛巾", False, "", "", 0),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_the_encodings_that_offices_use(cast, tmp_path, category, encoding):
    assert faults(cast, "wishes", tsv(tmp_path, [wish_row(cast, cast.household().code, 类别=category)], encoding)) == []


def test_a_sheet_gives_numbers_and_days_as_its_own_kinds(cast, tmp_path, category):
    day = (utcnow() + timedelta(days=15)).replace(tzinfo=None)
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        row = wish_row(cast, cast.household().code, 类别=category)
        sheet.write_row(0, 0, list(row))
        sheet.write_row(1, 0, [280 if name == "参考价值" else value for name, value in row.items()])
        sheet.write_datetime(1, list(row).index("最迟送达"), day, book.add_format({"num_format": "yyyy-mm-dd"}))
    report = look_over("wishes", read(tmp_path / "t.xlsx"), by=cast.lin)
    assert report.faults == []
    assert (report.good[0][1].value_fen, report.good[0][1].latest_day) == (28_000, day.date())


@pytest.mark.parametrize(
    ("typed", "fen"),
    [("280", 28_000), ("99.50", 9_950), ("1,280", 128_000), ("280元", 28_000), ("0", 0), ("", 0), ("99.5", 9_950), ("１２０", 12_000)],
)
def test_money_as_people_type_it(cast, tmp_path, category, typed, fen):
    report = look_over("wishes", read(tsv(tmp_path, [wish_row(cast, cast.household().code, 类别=category, 参考价值=typed)])), by=cast.lin)
    assert [draft.value_fen for _home, draft in report.good] == [fen]


def test_heads_may_be_starred_english_and_in_another_order_and_empty_lines_are_skipped(cast, tmp_path, category):
    home, day = cast.household(), (cast.today + timedelta(days=9)).isoformat().replace("-", "/")
    text = f"title*\tlatest_day\tcategory\t备注\tvalue_yuan\thousehold\n\n一台取暖器\t{day}\t{category}\t随便\t100\t{home.code.lower()}\n\n"
    (tmp_path / "t.txt").write_text(text, encoding="utf-8")
    rows = read(tmp_path / "t.txt")
    assert [row.number for row in rows] == [3], "the number is the line's in the file"
    assert look_over("wishes", rows, by=cast.lin).faults == []


# -- rows that are wrong ------------------------------------------------------------------------------------------------------------

WISH_FAULTS = [
    ({"档案编号": "KN-2026-NONE"}, "第 2 行　档案编号　'KN-2026-NONE'　没有找到这份档案"),
    ({"档案编号": ""}, "没有找到这份档案"),
    ({"档案编号": "329900197001010010.0"}, "没有找到这份档案"),
    ({"档案编号": "3.29900197001010e+17"}, "没有找到这份档案"),
    ({"物品或服务": ""}, "第 2 行　物品或服务　''　这一格要填"),
    ({"物品或服务": "热" * 61}, "最多 60 个字，现在是 61 个"),
    ({"公开文字": "话" * 301}, "最多 300 个字，现在是 301 个"),
    ({"规格": "规" * 201}, "最多 200 个字，现在是 201 个"),
    ({"类别": ""}, "类别　''　只能是："),
    ({"类别": "电器啊"}, "类别　'电器啊'　只能是："),
    ({"参考价值": "三百"}, "请写成数字，例如 280 或 99.50"),
    ({"参考价值": "-1"}, "请写 0 到 100000 元之间的数字"),
    ({"参考价值": "99.505"}, "最多两位小数"),
    ({"参考价值": "100001"}, "请写 0 到 100000 元之间的数字"),
    ({"参考价值": "NaN"}, "请写 0 到 100000 元之间的数字"),
    ({"参考价值": "Infinity"}, "请写 0 到 100000 元之间的数字"),
    ({"参考价值": "1e999999999"}, "请写"),
    ({"参考价值": "280.00.0"}, "请写成数字"),
    ({"最迟送达": ""}, "最迟送达　''　日期请写成 2027-01-20"),
    ({"最迟送达": "明年一月"}, "日期请写成 2027-01-20"),
    ({"最迟送达": "2027-02-30"}, "日期请写成 2027-01-20"),
    ({"最迟送达": "46000"}, "日期请写成 2027-01-20"),
    ({"最迟送达": "20/01/2027"}, "日期请写成 2027-01-20"),
    ({"最迟送达": "2020-01-01"}, "最迟送达日要在今天以后"),
    ({"最迟送达": "2999-01-01"}, "活动结束以前"),
    ({"交付方式": "无人机"}, "交付方式　'无人机'　只能是："),
]
PACK_FAULTS: list[tuple[dict[str, object], str]] = [
    ({"名称": ""}, "第 2 行　名称　''　这一格要填"),
    ({"名称": "礼" * 61}, "最多 60 个字"),
    ({"内容": ""}, "第 2 行　内容　''　这一格要填"),
    ({"内容": "；；"}, "这一格要填"),
    ({"内容": "大米|10 公斤|SC10132040000011"}, "每样写：名称|数量"),
    ({"内容": "大米|10 公斤|SC1013204|云湖米业|B1|2026-11-01|365"}, "大米：食品生产许可证应为 SC 加 14 位数字"),
    ({"内容": "大米|10 公斤|SC10132040000011|云湖米业|B1|去年|365"}, "日期请写成"),
    ({"内容": "大米|10 公斤|SC10132040000011|云湖米业|B1|2026-11-01|很久"}, "请写 1 到 3650 的整数"),
    ({"内容": "大米|10 公斤|SC10132040000011|云湖米业|B1|2026-11-01|0"}, "请写 1 到 3650 的整数"),
    ({"内容": "大米|10 公斤|SC10132040000011||B1|2026-11-01|365"}, "要填"),
    ({"内容": "大米|10 公斤|SC10132040000011|云湖米业||2026-11-01|365"}, "要填"),
    ({"内容": "|10 公斤"}, "要填"),
    ({"内容": "长" * 41 + "|一份"}, "最多 40 个字"),
    ({"内容": "大米|10 公斤|SC10132040000011|云湖米业|B1|2020-01-01|30"}, "大米 到计划送达日就过了保质期"),
    ({"份数": ""}, "请写 1 到 100000 的整数"),
    ({"份数": "0"}, "请写 1 到 100000 的整数"),
    ({"份数": "-3"}, "请写 1 到 100000 的整数"),
    ({"份数": "3.5"}, "请写 1 到 100000 的整数"),
    ({"份数": "100001"}, "请写 1 到 100000 的整数"),
    ({"份数": "²"}, "请写 1 到 100000 的整数"),
    ({"份数": "一百"}, "请写 1 到 100000 的整数"),
    ({"每份价值": "很多"}, "请写成数字"),
]


@pytest.mark.parametrize(("change", "said"), WISH_FAULTS, ids=str)
def test_a_wrong_wish_is_named_with_row_column_and_value(cast, tmp_path, category, change, said):
    found = faults(cast, "wishes", tsv(tmp_path, [wish_row(cast, cast.household().code, 类别=category) | change]))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(("change", "said"), PACK_FAULTS, ids=str)
def test_a_wrong_lot_is_named_with_row_column_and_value(cast, tmp_path, change, said):
    found = faults(cast, "packs", tsv(tmp_path, [pack_row(cast, **change)]))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"unit": "donghu"}, "没有找到这份档案"),
        ({"state": "closed"}, "这户还没有建档"),
        ({"state": "emergency", "emergency_due": "yesterday"}, "紧急帮扶手续已过期限"),
    ],
    ids=str,
)
def test_whose_file_may_not_be_helped(cast, tmp_path, category, values, said):
    values = {name: cast.today - timedelta(days=1) if value == "yesterday" else value for name, value in values.items()}
    found = faults(cast, "wishes", tsv(tmp_path, [wish_row(cast, cast.household(**values).code, 类别=category)]))
    assert len(found) == 1
    assert said in found[0]


def test_every_fault_of_a_file_is_told_at_once_and_good_rows_are_not_written(cast, tmp_path, category):
    good = wish_row(cast, cast.household().code, 类别=category)
    rows = [good, good | {"参考价值": "x"}, good | {"最迟送达": "x"}, good | {"类别": "x"}, good]
    report = look_over("wishes", read(tsv(tmp_path, rows)), by=cast.lin)
    assert [(fault[0], fault[1]) for fault in report.faults] == [(3, "参考价值"), (4, "最迟送达"), (5, "类别")]
    assert count(Posting) == 0


def test_a_row_shorter_than_the_heads_is_named(cast, tmp_path, category):
    code = cast.household().code
    (tmp_path / "t.tsv").write_text(f"档案编号\t物品或服务\t类别\t参考价值\t最迟送达\n{code}\t取暖器\t{category}\n", encoding="utf-8")
    found = faults(cast, "wishes", tmp_path / "t.tsv")
    assert len(found) == 1
    assert "第 2 行" in found[0]


@pytest.mark.parametrize("kind", ["wishes", "packs"])
def test_missing_columns_are_all_named(cast, tmp_path, kind):
    (tmp_path / "t.tsv").write_text("物品\t别的\n一\t二\n", encoding="utf-8")
    [found] = faults(cast, kind, tmp_path / "t.tsv")
    assert "表头里缺这几列" in found
    for name in {"wishes": ("档案编号", "物品或服务", "类别", "参考价值", "最迟送达"), "packs": ("名称", "内容", "每份价值", "份数", "最迟送达")}[
        kind
    ]:
        assert name in found


def test_without_a_campaign_nothing_is_imported(cast, tmp_path, category):
    file = tsv(tmp_path, [wish_row(cast, cast.household().code, 类别=category)])
    db.session.execute(Campaign.__table__.update().values(current=False))
    db.session.commit()
    [found] = faults(cast, "wishes", file)
    assert "没有正在进行的活动" in found


# -- files that are wrong -----------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A small archive that says it holds 300 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (300 * 1024 * 1024), compresslevel=1)
    return out.getvalue()


def lying_bomb() -> bytes:
    """The same, but its directory says that it holds 10 bytes."""
    raw = bytearray(bomb())
    size = struct.pack("<I", 300 * 1024 * 1024)
    while (place := raw.find(size)) >= 0:
        raw[place : place + 4] = struct.pack("<I", 10)
    return bytes(raw)


def _zip(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


BROKEN: list[tuple[str, Callable[[], bytes], str]] = [
    ("t.xls", lambda: b"\xd0\xcf\x11\xe0" + b"0" * 100, "只能读 .xlsx 和 .tsv"),
    ("t.pdf", lambda: b"%PDF-1.7", "只能读 .xlsx 和 .tsv"),
    ("t", lambda: b"a\tb\n1\t2\n", "只能读 .xlsx 和 .tsv"),
    ("t.xlsx", lambda: b"", "这不是能读的 .xlsx"),
    ("t.xlsx", lambda: b"a\tb\n1\t2\n", "这不是能读的 .xlsx"),
    ("t.xlsx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "这不是能读的 .xlsx"),
    ("t.xlsx", lambda: _zip(hello="world"), "这不是能读的 .xlsx"),
    ("t.xlsx", lambda: b"PK\x03\x04" + b"\0" * 50, "这不是能读的 .xlsx"),
    ("t.xlsx", bomb, "文件展开后太大"),
    ("t.xlsx", lying_bomb, "这不是能读的 .xlsx"),
    ("t.tsv", lambda: b"", "文件里没有数据行"),
    ("t.tsv", "档案编号\t物品".encode, "文件里没有数据行"),
    ("t.tsv", lambda: b"\n\n\t\t\n", "文件里没有数据行"),
    ("t.tsv", lambda: "档案编号\t物品\n一\t二".encode("utf-16"), "文件的编码读不出来"),
    ("t.tsv", lambda: "档案编号\t物品\n一\t二".encode("utf-16-le"), "文件的编码读不出来"),
    ("t.tsv", lambda: b"a\tb\n\xff\xff\t2\n", "文件的编码读不出来"),
    ("t.tsv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "文件的编码读不出来"),
    ("t.tsv", lambda: b"a\tb\n" + b"1\t2\n" * 20_001, "一次最多 20000 行"),
    ("t.tsv", lambda: b"x" * (10 * 1024 * 1024 + 1), "文件超过 10 MB"),
]


@pytest.mark.parametrize(("name", "content", "said"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content())
    with pytest.raises(UnreadableFile, match=said):
        read(tmp_path / name)


def test_a_cut_workbook_says_why(cast, tmp_path):
    raw = xlsx(tmp_path, [pack_row(cast)]).read_bytes()
    for length in (10, 200, len(raw) // 2, len(raw) - 30):
        (tmp_path / "cut.xlsx").write_bytes(raw[:length])
        with pytest.raises(UnreadableFile, match="这不是能读的"):
            read(tmp_path / "cut.xlsx")


def test_a_whole_number_in_a_sheet_is_text_without_a_point(tmp_path):
    """An ID number typed into a sheet without a format comes as a float."""
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, [329900197001, 0.5])
    assert [row.cells for row in read(tmp_path / "t.xlsx")] == [{"a": "329900197001", "b": "0.5"}]


def test_when_writing_breaks_nothing_is_kept(cast, tmp_path, category):
    homes = [cast.household() for _ in range(3)]
    report = look_over("wishes", read(tsv(tmp_path, [wish_row(cast, home.code, 类别=category) for home in homes])), by=cast.lin)
    object.__setattr__(report.good[2][1], "value_fen", -1)
    before = count(Event)
    with pytest.raises(Exception, match="(?i)check"):
        write("wishes", report, by=cast.lin)
    assert (count(Posting), count(Event)) == (0, before)
