"""The vault: what is sealed opens only in its own place, is found by its blind index, and never shows in print."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from portal import vault as vault_module
from portal.vault import Secret, Vault, VaultError, install, installed, load, load_or_create

ID_NO = "11010519491231002X"
PLACE = "household.id_no:DA-7F3K9Q"
KEY = bytes(range(32))
ROOT = Path(__file__).resolve().parent.parent
OTHER_KEY = bytes(range(1, 33))


class Base(DeclarativeBase):
    pass


class Family(Base):
    __tablename__ = "family"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    id_no_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_no_index: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_no = Secret("id_no", index=lambda text: text.strip().upper())
    name = Secret("name")


@pytest.fixture
def vault():
    before = vault_module._installed
    installed_one = Vault({1: KEY}, 1)
    install(installed_one)
    yield installed_one
    vault_module._installed = before


@pytest.fixture
def session(vault):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


# -- sealing ----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.text(min_size=1, max_size=40))
def test_what_is_sealed_opens_to_the_same_bytes(clear, context):
    vault = Vault({1: KEY}, 1)
    sealed = vault.seal_bytes(clear, context)
    assert vault.open_bytes(sealed, context) == clear
    assert len(sealed) == len(clear) + 29


def test_a_sealed_value_shows_nothing_and_is_new_each_time():
    vault = Vault({1: KEY}, 1)
    sealed = [vault.seal(ID_NO, PLACE) for _ in range(50)]
    assert len(set(sealed)) == 50
    assert len({one[1:13] for one in sealed}) == 50
    assert all(ID_NO.encode() not in one and one[0] == 1 and len(one) == 47 for one in sealed)


@pytest.mark.parametrize("elsewhere", ["household.id_no:DA-7F3K9R", "household.phone:DA-7F3K9Q", "member.id_no:DA-7F3K9Q"])
def test_a_ciphertext_moved_elsewhere_does_not_open(elsewhere):
    vault = Vault({1: KEY}, 1)
    with pytest.raises(VaultError, match="moved"):
        vault.open(vault.seal(ID_NO, PLACE), elsewhere)


def test_no_single_changed_bit_opens():
    vault = Vault({1: KEY}, 1)
    sealed = vault.seal(ID_NO, PLACE)
    for place in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[place] ^= 1 << bit
            with pytest.raises(VaultError):
                vault.open(bytes(changed), PLACE)


@pytest.mark.parametrize("rubbish", [b"", b"\x01", b"\x01" * 28])
def test_what_is_too_short_is_refused(rubbish):
    with pytest.raises(VaultError, match="too short"):
        Vault({1: KEY}, 1).open(rubbish, PLACE)


def test_another_key_does_not_open():
    sealed = Vault({1: KEY}, 1).seal(ID_NO, PLACE)
    with pytest.raises(VaultError):
        Vault({1: OTHER_KEY}, 1).open(sealed, PLACE)
    with pytest.raises(VaultError, match="key 1"):
        Vault({2: KEY}, 2).open(sealed, PLACE)


def test_after_a_change_of_key_old_and_new_values_open_and_are_found():
    old = Vault({1: KEY}, 1)
    new = Vault({1: KEY, 2: OTHER_KEY}, 2)
    sealed = old.seal(ID_NO, PLACE)
    resealed = new.reseal(sealed, PLACE)
    assert (sealed[0], resealed[0]) == (1, 2)
    assert new.open(sealed, PLACE) == new.open(resealed, PLACE) == ID_NO
    assert new.reseal(resealed, PLACE) is resealed
    assert new.index(ID_NO, "household.id_no") == old.index(ID_NO, "household.id_no")


@pytest.mark.parametrize(("keys", "current"), [({1: KEY}, 2), ({1: KEY[:16]}, 1), ({256: KEY}, 256), ({}, 1)])
def test_a_wrong_set_of_keys_is_refused(keys, current):
    with pytest.raises(VaultError):
        Vault(keys, current)


# -- blind index ------------------------------------------------------------------------------------------------------


def test_the_blind_index_is_steady_keyed_and_bound_to_its_column():
    vault = Vault({1: KEY}, 1)
    index = vault.index(ID_NO, "household.id_no")
    assert len(index) == 32
    assert index == Vault({1: KEY}, 1).index(ID_NO, "household.id_no")
    others = {
        vault.index(ID_NO, "member.id_no"),
        vault.index(ID_NO[:-1] + "1", "household.id_no"),
        Vault({1: OTHER_KEY}, 1).index(ID_NO, "household.id_no"),
    }
    assert len(others | {index}) == 4


# -- the key file -----------------------------------------------------------------------------------------------------


def test_the_key_file_is_made_once_private_and_read_again(tmp_path):
    path = tmp_path / "instance" / "keys.json"
    sealed = load_or_create(path).seal(ID_NO, PLACE)
    written = path.read_bytes()
    assert load_or_create(path).open(sealed, PLACE) == ID_NO
    assert load(path).open(sealed, PLACE) == ID_NO
    assert path.read_bytes() == written
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_installations_have_different_keys(tmp_path):
    sealed = load_or_create(tmp_path / "a.json").seal(ID_NO, PLACE)
    with pytest.raises(VaultError):
        load_or_create(tmp_path / "b.json").open(sealed, PLACE)


def test_a_key_file_that_is_missing_or_damaged_is_never_replaced(tmp_path):
    with pytest.raises(VaultError, match="no key file"):
        load(tmp_path / "keys.json")
    for damage in ("", "{", "[]", "{}", '{"current": 1, "keys": {"1": "!"}}', json.dumps({"current": 2, "keys": {}})):
        path = tmp_path / "keys.json"
        path.write_text(damage)
        with pytest.raises(VaultError):
            load_or_create(path)
        assert path.read_text() == damage


SEAL_ONE = (
    "import sys, pathlib; from portal.vault import load_or_create as l; print(l(pathlib.Path(sys.argv[1])).seal(sys.argv[2], sys.argv[3]).hex())"
)


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    path = tmp_path / "keys.json"
    command = [sys.executable, "-c", SEAL_ONE, str(path), ID_NO, PLACE]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(6)]
    sealed = [bytes.fromhex(process.communicate(timeout=60)[0]) for process in started]
    assert [load(path).open(one, PLACE) for one in sealed] == [ID_NO] * 6


# -- in a model -------------------------------------------------------------------------------------------------------


def test_a_row_seals_on_set_opens_on_get_and_is_found(session, vault):
    session.add_all([Family(code="DA-7F3K9Q", id_no="11010519491231002x", name="张三"), Family(code="DA-7F3K9R", id_no="44")])
    session.commit()
    found = session.scalars(select(Family).where(Family.id_no.equals(f" {ID_NO} "))).all()
    assert [(row.code, row.id_no, row.name) for row in found] == [("DA-7F3K9Q", "11010519491231002x", "张三")]
    assert found[0].id_no_sealed[0] == 1
    assert ID_NO.encode() not in found[0].id_no_sealed + found[0].id_no_index
    assert session.scalars(select(Family).where(Family.id_no.equals("nobody"))).all() == []


def test_the_index_follows_every_change(session):
    row = Family(code="DA-7F3K9Q", id_no=ID_NO)
    first = row.id_no_index
    row.id_no = "440524188001010014"
    assert row.id_no_index not in (None, first)
    for empty in (None, ""):
        row.id_no = ID_NO
        row.id_no = empty
        assert (row.id_no, row.id_no_sealed, row.id_no_index) == (None, None, None)


def test_swapped_ciphertexts_do_not_open(session):
    one, two = Family(code="DA-7F3K9Q", name="张三"), Family(code="DA-7F3K9R", name="李四")
    one.name_sealed, two.name_sealed = two.name_sealed, one.name_sealed
    for row in (one, two):
        with pytest.raises(VaultError, match="moved"):
            _ = row.name
    one.id_no_sealed = Family(code="DA-7F3K9Q", name="张三").name_sealed
    with pytest.raises(VaultError, match="moved"):
        _ = one.id_no


def test_a_row_without_code_cannot_be_sealed(vault):
    with pytest.raises(VaultError, match="code before name"):
        Family(name="张三", code="DA-7F3K9Q")


def test_a_refused_value_leaves_the_row_as_it_was(vault):
    def refuse(text: str) -> str:
        raise ValueError("id_check")

    class Strict:
        __tablename__ = "strict"
        code = "DA-7F3K9Q"
        id_no_sealed = id_no_index = b"before"
        id_no = Secret("id_no", index=refuse)

    row = Strict()
    with pytest.raises(ValueError, match="id_check"):
        row.id_no = "1"
    assert (row.id_no_sealed, row.id_no_index) == (b"before", b"before")


@pytest.mark.parametrize(
    "compare",
    [
        lambda: Family.id_no == ID_NO,
        lambda: Family.id_no != ID_NO,
        lambda: ID_NO == Family.id_no,
        lambda: Family.id_no < ID_NO,
        lambda: Family.id_no.in_([ID_NO]),
        lambda: Family.id_no.like("1101%"),
        lambda: Family.id_no.is_(None),
        lambda: select(Family.id_no),
        lambda: select(Family).order_by(Family.id_no),
    ],
)
def test_a_sealed_value_in_a_query_is_refused_loudly(session, compare):
    with pytest.raises(VaultError, match="use Family.id_no.equals"):
        compare()


def test_a_secret_without_index_cannot_be_searched(session):
    with pytest.raises(VaultError, match="no blind index"):
        Family.name.equals("张三")


def test_nothing_printed_shows_a_clear_value(session, vault):
    row = Family(code="DA-7F3K9Q", id_no=ID_NO, name="张三")
    with pytest.raises(VaultError) as caught:
        vault.open(row.id_no_sealed, "elsewhere")
    printed = f"{row!r} {Family.id_no!r} {Family.__dict__['id_no']!r} {vault!r} {row.__dict__!r} {caught.value!r}"
    assert ID_NO not in printed and "张三" not in printed
    assert KEY.hex() not in printed and repr(KEY) not in printed


def test_without_a_vault_nothing_is_sealed():
    before = vault_module._installed
    vault_module._installed = None
    try:
        with pytest.raises(VaultError, match="no vault"):
            installed()
        with pytest.raises(VaultError, match="no vault"):
            Family(code="DA-7F3K9Q", name="张三")
    finally:
        vault_module._installed = before
