"""Chinese is the source, English is complete: no sentence without its English, none left over, no text outside the catalogue."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo

from tools import messages

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = re.compile(r"%\(\w+\)[sd]")
CHINESE = re.compile(r"[一-鿿]")


def test_every_sentence_has_its_english():
    english = messages.catalogue()
    assert messages.sentences() - english.keys() == set(), "run: make messages"
    assert english.keys() - messages.sentences() == set(), "run: make messages"
    assert [chinese for chinese, text in english.items() if not text] == []


def test_the_english_keeps_every_place_and_holds_no_chinese():
    for chinese, text in messages.catalogue().items():
        assert set(PLACES.findall(chinese)) == set(PLACES.findall(text)), chinese
        assert not CHINESE.search(text.replace("潞桥街道", "")), text


def test_the_compiled_catalogue_is_the_catalogue():
    made = read_mo(io.BytesIO((messages.FOLDER / "messages.mo").read_bytes()))
    assert {str(message.id): str(message.string) for message in made if message.id} == messages.catalogue()


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT)))
def test_templates_hold_no_text_outside_the_catalogue(file: Path):
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"_\(\s*'(?:[^'\\]|\\.)*'", "", text)
    text = re.sub(r'_\(\s*"(?:[^"\\]|\\.)*"', "", text)
    left = [line.strip() for line in text.splitlines() if CHINESE.search(line)]
    # The two languages' own names, and the seals (a character each) that are drawn, not read.
    assert [line for line in left if not re.search(r"中文|'年'|>暖<", line)] == []
