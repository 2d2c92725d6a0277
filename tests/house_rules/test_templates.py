"""Rules for every template: the words, the content security policy, the one place that knows roles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
# The portal blames nobody: it says what is wrong, where, and what to do.
WORDS = ("失败", "非法", "异常", "无效参数", "受助对象", "贫困户", "穷人", "施舍")
# A template may show a person their roles; it may not decide by them.
ROLES = re.compile(r"\bif\b[^%}]*\b(?:has_role|is_admin|is_clerk|roles?)\b[^%}]*")
PATTERNS = {
    "inline style": re.compile(r"\sstyle\s*=|<style\b"),
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+\s*=\s*[\"']|hx-on|javascript:"),
    "something from elsewhere": re.compile(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//"),
    "values in the address of a deletion": re.compile(r"hx-delete"),
    "unescaped text": re.compile(r"\|\s*safe\b|autoescape\s+false"),
}
# Macros that put in drawings made by the portal itself: constant paths of icons, QR codes.
DRAWINGS = {"parts/icons.html", "parts/documents.html"}


def _source(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_words(path: Path):
    source = _source(path)
    assert not [word for word in WORDS if word in source]


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_nothing_that_the_browser_would_refuse(path: Path):
    source = _source(path)
    if _name(path) in DRAWINGS:
        source = source.replace("{{ svg|safe }}", "").replace("{{ paths[name]|safe }}", "")
    assert not {what: found.group() for what, pattern in PATTERNS.items() if (found := pattern.search(source))}


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_permissions_are_asked_for_not_roles(path: Path):
    assert not ROLES.findall(_source(path))


@pytest.mark.parametrize("path", sorted((ROOT / "portal").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT / "portal")))
def test_words_of_the_code(path: Path):
    source = path.read_text(encoding="utf-8")
    assert not [word for word in WORDS[:4] if word in source]
