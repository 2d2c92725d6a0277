"""Every column of every table has a class, and what a class promises is true of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, String, Text, select
from sqlalchemy.orm import Mapper

from portal.database import Base, db
from portal.vault import Secret
from tests.world import World

FILE = Path(__file__).with_name("columns.tsv")
CLASSES = ("public", "internal", "file", "personal", "note", "sealed", "index", "hash")
# Names that stand in clear, and why.
IN_CLEAR = {
    ("account", "name"): "stands on every page that its owner's colleagues read; never on an outsider's",
    ("account", "username"): "what somebody types to sign in",
    ("enterprise", "contact_name"): "a business contact, searched and listed by those who vet; never on another enterprise's page",
    ("sign_off", "witness"): "a colleague who went along to the door",
}
SOUNDS_PERSONAL = ("name", "id_no", "phone", "address", "card", "school", "employer", "birthday", "email", "mobile", "signature", "strokes", "photo")
PEOPLES_TABLES = ("household", "member", "consent", "recipient", "delivery", "sign_off", "photo")


def classes() -> dict[tuple[str, str], str]:
    """The class of each (table, column)."""
    with open(FILE, encoding="utf-8", newline="") as handle:
        rows = csv.reader((row for row in handle if not row.startswith("#")), delimiter="\t")
        next(rows)
        found: dict[tuple[str, str], str] = {}
        for table, column, kind in rows:
            assert (table, column) not in found, f"{table}.{column} is listed twice"
            found[table, column] = kind
        return found


def columns() -> dict[tuple[str, str], Any]:
    """The columns of the schema."""
    return {(table.name, column.name): column for table in db.metadata.sorted_tables for column in table.columns}


def unclassed(there: Any, known: dict[tuple[str, str], str]) -> list[str]:
    """Columns that no line names, and lines that name no column."""
    return sorted(f"{table}.{column}" for table, column in set(there) ^ set(known))


def mappers() -> dict[str, Mapper[Any]]:
    """The mapped class of each table."""
    return {str(mapper.local_table.name): mapper for mapper in Base.registry.mappers}  # type: ignore[attr-defined]


def test_every_column_has_a_class(stage: object) -> None:
    assert unclassed(columns(), classes()) == []
    assert set(classes().values()) <= set(CLASSES)


def test_a_column_without_a_class_is_red() -> None:
    there = {**columns(), ("household", "email"): None}
    assert unclassed(there, classes()) == ["household.email"]


def test_sealed_columns_are_bytes_with_a_vault_and_no_clear_twin() -> None:
    there, known = columns(), classes()
    for (table, column), kind in known.items():
        if kind != "sealed":
            assert not column.endswith("_sealed")
            continue
        assert column.endswith("_sealed") and isinstance(there[table, column].type, LargeBinary)
        bare = column.removesuffix("_sealed")
        twins = [
            name for (other, name) in there if other == table and name in (bare, f"{bare}_clear", f"{bare}_text", f"{bare}_plain", f"{bare}_hash")
        ]
        assert twins == [], f"{table}.{bare} also stands in clear"
        assert isinstance(vars(mappers()[table].class_).get(bare), Secret) or (table, bare) == ("photo", "data")


def test_an_index_belongs_to_a_sealed_column() -> None:
    known = classes()
    for (table, column), kind in known.items():
        if kind == "index":
            assert known[table, column.replace("_index", "_sealed")] == "sealed"
            assert isinstance(columns()[table, column].type, LargeBinary)


def test_who_is_named_in_clear_is_known_by_name() -> None:
    assert {key for key, kind in classes().items() if kind == "personal"} == set(IN_CLEAR)


def test_a_column_about_people_that_sounds_personal_is_sealed() -> None:
    for (table, column), kind in classes().items():
        if table in PEOPLES_TABLES and any(word in column for word in SOUNDS_PERSONAL) and isinstance(columns()[table, column].type, String | Text):
            assert kind in ("sealed", "index") or (table, column) in IN_CLEAR or column == "employer_credit_code", f"{table}.{column} is {kind}"


def test_hashes_and_seals_are_what_they_say(world_app: Any, world: World) -> None:
    with world_app.app_context():
        for (table, column), kind in classes().items():
            if kind not in ("hash", "sealed", "index"):
                continue
            there = columns()[table, column]
            for value in db.session.scalars(select(there).where(there.is_not(None)).limit(200)):
                if kind == "hash":
                    assert str(value).startswith("$argon2id$") if column == "password_hash" else len(value) >= 32
                elif kind == "index":
                    assert len(value) == 32
                else:
                    assert len(value) >= 29, f"{table}.{column}: key id, nonce and tag"


@pytest.mark.parametrize("name", ["token", "password", "secret"])
def test_no_column_keeps_a_secret_itself(name: str) -> None:
    assert [key for key, kind in classes().items() if name in key[1] and kind != "hash"] == []
