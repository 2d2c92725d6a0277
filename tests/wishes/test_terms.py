"""A posting is found by any part of its text, its code and its pinyin initials, and by nothing else."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.wishes.terms import GRAM, initials_of, query_terms, terms

CODE = "WX-7F3K9Q"
CASES = Path(__file__).with_name("privacy_cases.tsv")


def found(query: str, *texts: str, code: str = CODE) -> bool:
    asked = query_terms(query)
    return bool(asked) and set(asked) <= terms(*texts, code=code)


@pytest.mark.parametrize(
    "query",
    [
        "取", "暖器", "取暖器", "一台取暖器", "小太阳", "潞桥", "潞桥 取暖", "取暖器，潞桥", "qnq", "QNQ", "qn", "ytqnq", "qnq 潞桥", "ｑｎｑ",
        "16寸", "16", "led", "LE", "ＬＥＤ", "WX-7F3K9Q", "wx7f3k9q", "7F3K9Q", "wx-7f3k9q", "ＷＸ－７Ｆ３Ｋ９Ｑ", "wx7f", "bluetooth", "blue",
    ],
)  # fmt: skip
def test_a_posting_is_found_by(query):
    assert found(query, "一台取暖器", "小太阳，16寸，LED显示，Bluetooth", "潞桥街道")


@pytest.mark.parametrize(
    "query", ["电饭煲", "器暖", "取暖 东湖", "dfb", "qnx", "WX-7F3K9R", "17寸", "bluetooths", "小太阳能", "xty", "", "，。!", "   "]
)
def test_a_posting_is_not_found_by(query):
    assert not found(query, "一台取暖器", "小太阳，16寸，LED显示，Bluetooth", "潞桥街道")


def test_only_the_item_is_found_by_initials():
    assert found("qnq", "取暖器", "潞桥街道")
    assert not found("lqjd", "取暖器", "潞桥街道")


def test_a_list_is_found_as_one_word_and_by_its_parts():
    for query in ("米面油", "米、面、油", "米 油", "mmy", "面、油", "大"):
        assert found(query, "米、面、油", "大米10斤")
    assert not found("米油", "米、面、油")


@pytest.mark.parametrize(
    ("item", "initials"),
    [
        ("取暖器", "qnq"), ("空调", "kt"), ("长袖校服", "cxxf"), ("行李箱", "xlx"), ("血压计", "xyj"), ("乐器", "yq"), ("音乐盒", "yyh"),
        ("西洋参", "xys"), ("重阳糕", "cyg"), ("弹力裤", "tlk"), ("便携收音机", "bxsyj"), ("棉被", "mb"), ("拉杆书包", "lgsb"),
    ],
)  # fmt: skip
def test_initials_are_those_of_the_spoken_word(item, initials):
    assert initials_of(item) == initials


def test_a_query_is_cut_and_asks_nothing_twice():
    assert query_terms("米" * 500) == ["米米"]
    assert query_terms("取暖器" * 100) == ["取暖", "暖器", "器取"]
    assert len(query_terms("".join(chr(0x4E00 + n) for n in range(500)))) == 39
    assert query_terms("电饭煲 饭煲") == ["电饭", "饭煲"]


@given(st.text(max_size=60))
def test_no_term_is_empty_or_longer_than_six(text):
    every = terms(text, text, code=CODE) | set(query_terms(text))
    assert all(1 <= len(term) <= GRAM for term in every)


@given(st.text("取暖器电饭煲大米a7 、，-", min_size=1, max_size=20), st.data())
def test_any_part_of_a_text_finds_it(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    part = "".join(char for char in text[start:end] if "\u4e00" <= char <= "\u9fff")
    if part == text[start:end]:
        assert found(part, "", text)


def test_the_index_stays_small_on_real_wishes():
    with CASES.open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file, delimiter="\t")]
    sizes = [len(terms(text.split("，")[-1], text, "潞桥街道", "家电家居", code=CODE)) for text in texts]
    assert len(texts) >= 150
    assert statistics.median(sizes) <= 60
    assert max(sizes) <= 150
