"""The categories of wishes, read from categories.toml: a new category is an entry there and no code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Category:
    """``seal`` is the character on the card; ``kind`` is ``goods``, ``service`` or ``pack``."""

    code: str
    label: str
    label_en: str
    seal: str
    kind: str

    def name(self, lang: str) -> str:
        """The label in the language of the page."""
        return self.label_en if lang == "en" else self.label


def _read() -> dict[str, Category]:
    data = tomllib.loads(Path(__file__).with_name("categories.toml").read_text(encoding="utf-8"))
    return {entry["code"]: Category(**entry) for entry in data["category"]}


PACK = Category("pack", "年货礼包", "New Year gift pack", "年", "pack")
WISH_CATEGORIES = _read()
CATEGORIES = WISH_CATEGORIES | {"pack": PACK}
