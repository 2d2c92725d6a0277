"""Keeps the English catalogue with the Chinese sentences of the code: `make messages` adds new ones (empty), drops old ones, compiles."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "portal" / "translations" / "en" / "LC_MESSAGES"
# A fixed day, so that the file changes only when a sentence does.
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
KEYWORDS = {"_": None, "_l": None, "N_": None, "ngettext": (1, 2)}


def sentences() -> set[str]:
    """Every sentence that the code and the templates mark for translation."""
    with open(ROOT / "babel.cfg", encoding="utf-8") as config:
        methods, options = parse_mapping_cfg(config)
    found = extract_from_dir(str(ROOT), methods, options, keywords=KEYWORDS)
    return {message for _file, _line, message, _comments, _context in found}


def catalogue() -> dict[str, str]:
    """The English catalogue: sentence by sentence."""
    with open(FOLDER / "messages.po", "rb") as file:
        return {str(message.id): str(message.string or "") for message in read_po(file) if message.id}


def write(english: dict[str, str]) -> None:
    """Write the catalogue, sorted, and its compiled form."""
    made = Catalog(locale="en", project="One Degree Warmer", version="1", fuzzy=False, creation_date=WRITTEN, revision_date=WRITTEN)
    for chinese in sorted(english):
        made.add(chinese, english[chinese], flags=["python-format"] if "%(" in chinese else [])
    with open(FOLDER / "messages.po", "wb") as file:
        write_po(file, made, width=200, omit_header=False)
    with open(FOLDER / "messages.mo", "wb") as file:
        write_mo(file, made)


def main() -> None:
    known, wanted = catalogue(), sentences()
    write({chinese: known.get(chinese, "") for chinese in wanted})
    missing = sorted(chinese for chinese in wanted if not known.get(chinese))
    print(f"{len(wanted)} sentences, {len(missing)} without English")
    sys.stdout.writelines(f"  {chinese}\n" for chinese in missing)


if __name__ == "__main__":
    main()
