"""Search terms: what a posting is found by, and what a query asks for. Pure; the index itself is a table of (term, posting).

No database gives the same answer for two Chinese characters, so the portal keeps its own index: single characters and neighbouring
pairs of Chinese text, beginnings of words and numbers, and the pinyin initials of the item (qnq finds 取暖器).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator

# The dictionary of phrases costs 45 MB in every worker; READINGS below replaces what of it matters for goods.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
from pypinyin import Style, lazy_pinyin

CHINESE = "\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_RUN = re.compile(rf"(?P<chinese>[{CHINESE}]+)|(?P<word>[^\W_{CHINESE}]+)")
# 米、面、油 is also looked for as 米面油, so a list is one run in what is stored; a query keeps its parts apart.
_LIST_MARK = re.compile(rf"(?<=[{CHINESE}])[、·](?=[{CHINESE}])")
_CODE_DASH = re.compile(r"(?<![a-z0-9])([a-z]{2})-(?=[a-z0-9]{6}(?![a-z0-9]))")
GRAM = 6
QUERY_LENGTH = 40
# Initials of characters with two readings, as they are read in the names of things; the longer word wins.
READINGS = {
    "调": "t", "长": "c", "参": "s", "弹力": "tl", "弹簧": "th", "弹性": "tx", "音乐": "yy", "乐器": "yq", "乐谱": "yp", "咖喱": "gl",
    "蛤蜊": "gl", "汤匙": "tc", "系带": "jd", "重阳": "cy", "双重": "sc", "重新": "cx", "成长": "cz", "生长": "sz", "参考": "ck", "参加": "cj",
    "参观": "cg", "银行": "yh", "会计": "kj", "朝阳": "cy",
}  # fmt: skip
_READING = re.compile("|".join(sorted(READINGS, key=len, reverse=True)))


def normalise(text: str) -> str:
    """Half-width, lower case, one form of every character (NFKC)."""
    return unicodedata.normalize("NFKC", text).lower()


def terms(title: str, *others: str, code: str = "") -> set[str]:
    """Every term a posting is found by: of its title (also by pinyin initials), its other texts and its code; none is longer than 6."""
    found: set[str] = set()
    for part in (title, *others, code):
        text = _CODE_DASH.sub(r"\1", _LIST_MARK.sub("", normalise(part)))
        for run in _RUN.finditer(text):
            found.update(_chinese_terms(run[0]) if run["chinese"] else _word_terms(run[0]))
    for run in _RUN.finditer(_LIST_MARK.sub("", normalise(title))):
        if run["chinese"]:
            found.update(_initial_terms(run[0]))
    return found


def query_terms(query: str) -> list[str]:
    """The terms that must all be there (AND), without repeats; an empty list for a query without letters, digits or characters.

    Only the first 40 characters count. A longer word is asked for by its pieces of six.
    """
    text = _CODE_DASH.sub(r"\1", normalise(query).strip()[:QUERY_LENGTH])
    asked: list[str] = []
    for run in _RUN.finditer(text):
        size = 2 if run["chinese"] else GRAM
        asked.extend(_grams(run[0], size) if len(run[0]) > size else [run[0]])
    return list(dict.fromkeys(asked))


def _grams(run: str, size: int) -> Iterator[str]:
    return (run[start : start + size] for start in range(len(run) - size + 1))


def _chinese_terms(run: str) -> Iterator[str]:
    yield from run
    yield from _grams(run, 2)


def _word_terms(word: str) -> Iterator[str]:
    yield from (word[:length] for length in range(min(2, len(word)), min(GRAM, len(word)) + 1))
    yield from _grams(word, GRAM)


def _initial_terms(run: str) -> Iterator[str]:
    """All pieces of two to six pinyin initials of a run of characters."""
    initials = initials_of(run)
    for size in range(2, GRAM + 1):
        yield from (piece for piece in _grams(initials, size) if "?" not in piece)


def initials_of(run: str) -> str:
    """The first letter of the pinyin of each character, ? for one without; words of READINGS as written there."""
    letters = "".join(lazy_pinyin(run, style=Style.FIRST_LETTER, errors=lambda rest: "?" * len(rest)))
    for word in _READING.finditer(run):
        letters = letters[: word.start()] + READINGS[word[0]] + letters[word.end() :]
    return letters
