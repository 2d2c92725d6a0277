"""Every command of `portal`, as it is typed, on an installation of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from portal import cli, create_app, serve, vault
from portal.accounts.models import Account
from portal.database import db, utcnow
from portal.journal import Event
from portal.wishes.models import Posting, Tally
from tests import databases
from tests.cast import Cast, make_cast

Run = Callable[..., Result]


@pytest.fixture
def installation(tmp_path: Path, stage: object, engine: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A migrated, empty installation on SQLite that the commands find by their environment."""
    if engine != "sqlite":
        pytest.skip("the commands call what is tested on both engines")
    before = vault._installed
    databases.SqliteStage(tmp_path, "empty").reset()
    for name, value in {
        "INSTANCE": tmp_path,
        "KEYS_FILE": databases.run_folder() / "keys.json",
        "SECRET_KEY": "only-for-tests",
        "CLOCK_SECONDS": 0,
    }.items():
        monkeypatch.setenv(f"PORTAL_{name}", str(value))
    app = create_app()
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    vault._installed = before


@pytest.fixture
def people(installation: Flask) -> Cast:
    """The cast in the installation."""
    return make_cast()


@pytest.fixture
def run(installation: Flask) -> Run:
    """``run("account", "list")``: the finished command; a command that breaks breaks the test."""

    def go(*words: str, code: int = 0, **more: Any) -> Result:
        db.session.rollback()
        result = CliRunner().invoke(cli.main, words, **more)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return go


def events(action: str) -> int:
    return db.session.scalar(select(func.count()).where(Event.action == action)) or 0


def test_every_command_explains_itself(run):
    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*words, name))

    known = list(walk(cli.main, ()))
    for words in known:
        said = run(*words, "--help").output
        assert "Usage:" in said
    assert {words[0] for words in known if words} == {
        "serve", "migrate", "demo", "lapse", "tally", "recount", "import", "unit", "account", "doctor", "backup", "restore",
    }  # fmt: skip


def test_migrate_may_be_repeated(run):
    assert run("migrate").stdout == run("migrate").stdout == "ok\n"


def test_a_wrong_setting_and_a_lost_key_file_are_told_in_words(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PORTAL_PORT", "eighty")
    assert "PORTAL_PORT" in run("doctor", code=1).output
    monkeypatch.delenv("PORTAL_PORT")
    monkeypatch.setenv("PORTAL_KEYS_FILE", str(tmp_path / "lost.json"))
    assert "there is no key file; put it back" in run("doctor", code=1).output


def test_lapse_says_what_it_did(people, run):
    row = people.claim(people.wish())
    row.ready_by = row.deliver_by = people.today - timedelta(days=1)
    db.session.commit()
    assert json.loads(run("lapse").stdout) == {"lapsed": 1, "promoted": 0, "expired": 0, "dismissed": 0}
    assert json.loads(run("lapse").stdout) == {"lapsed": 0, "promoted": 0, "expired": 0, "dismissed": 0}


def test_tally_is_json_of_a_campaign(people, run):
    people.delivery(state="confirmed")
    code = people.campaign.code
    current, named = json.loads(run("tally").stdout), json.loads(run("tally", "--campaign", code).stdout)
    assert current | {"data_at": ""} == named | {"data_at": ""}
    assert "没有这个活动" in run("tally", "--campaign", "HD-NONE", code=1).output


def test_recount_mends_what_differs_and_leaves_an_event(people, run):
    people.wish()
    assert run("recount").stdout.startswith("一致")
    assert events("tally.recount") == 0
    db.session.execute(Tally.__table__.update().values(published=7))
    db.session.commit()
    assert run("recount").stdout.startswith("已重算")
    assert run("recount").stdout.startswith("一致")
    assert events("tally.recount") == 1


def _file(people: Cast, tmp_path: Path, value: str) -> str:
    day = (utcnow() + timedelta(days=9)).date()
    made = (utcnow() - timedelta(days=9)).date()
    contents = f"大米|10 公斤|SC10132040000011|云湖米业|B1|{made}|365"
    (tmp_path / "packs.tsv").write_text(f"名称\t内容\t每份价值\t份数\t最迟送达\n米面油\t{contents}\t{value}\t3\t{day}\n", encoding="utf-8")
    return str(tmp_path / "packs.tsv")


def test_import_checks_then_writes_all_or_says_what_is_wrong(people, run, tmp_path):
    assert "1 行都可以导入" in run("import", "packs", _file(people, tmp_path, "168"), "--by", "lin", "--check").stdout
    assert db.session.scalar(select(func.count()).select_from(Posting)) == 0
    assert "已导入 1 行" in run("import", "packs", _file(people, tmp_path, "168"), "--by", "lin").stdout
    said = run("import", "packs", _file(people, tmp_path, "很多"), "--by", "lin", code=1).output
    assert "第 2 行　每份价值　'很多'" in said
    assert "什么都没有写入" in said
    (tmp_path / "old.xls").write_bytes(b"x")
    assert "只能读 .xlsx 和 .tsv" in run("import", "packs", str(tmp_path / "old.xls"), "--by", "lin", code=1).output
    for nobody in ("zhou", "zhao", "nobody"):
        assert "没有这位基层经办人" in run("import", "packs", _file(people, tmp_path, "168"), "--by", nobody, code=1).output
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Posting)) == 1


def test_units_and_accounts_from_nothing(run):
    city = run("unit", "add", "云湖市总工会", "--level", "city").stdout.strip()
    street = run("unit", "add", "潞桥街道总工会", "--level", "street", "--parent", city, "--town", "潞桥街道", "--short", "潞桥").stdout.strip()
    assert "没有这个单位" in run("unit", "add", "某工会", "--level", "street", "--parent", "DW-NONE", code=1).output
    first = run("account", "add", "lin", "林晓梅", "--unit", street, "--role", "clerk").stdout.strip()
    assert len(first) >= 8
    assert "没有这个单位" in run("account", "add", "x1", "某人", "--unit", "DW-NONE", "--role", "clerk", code=1).output
    assert "已经有人用了" in run("account", "add", "lin", "另一位", "--unit", street, "--role", "clerk", code=1).output
    run("account", "add", "boss", "管理员", "--unit", city, "--role", "admin", "--role", "reviewer")
    second = run("account", "password", "lin").stdout.strip()
    assert second != first
    assert "没有这个账号" in run("account", "password", "nobody", code=1).output
    assert run("account", "end", "lin").stdout == "ok\n"
    assert run("account", "list").stdout.splitlines() == ["boss\t管理员\t云湖市总工会\tadmin,reviewer\tactive", "lin\t林晓梅\t潞桥\tclerk\tended"]
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Account)) == 2


def test_the_last_administrator_stays(people, run):
    assert "至少要留一位管理员" in run("account", "end", "admin", code=1).output


def test_doctor_ends_with_one_when_something_is_wrong(people, run):
    assert "BAD" not in run("doctor").stdout
    people.wish()
    db.session.execute(Tally.__table__.update().values(published=9))
    db.session.commit()
    said = run("doctor", code=1).stdout
    assert re.search(r"BAD +figures: differ from a recount +→ portal recount", said)


def test_backup_and_restore(people, run, tmp_path):
    code = people.wish().code
    file = str(tmp_path / "kept.tar.gz")
    assert run("backup", file).stdout.strip() == file
    people.wish()
    db.session.rollback()
    assert "Aborted" in run("restore", file, input="n\n", code=1).output
    db.engine.dispose()
    assert run("restore", file, "--yes").stdout == "ok\n"
    db.engine.dispose()
    assert list(db.session.scalars(select(Posting.code))) == [code]
    Path(file).write_bytes(b"x")
    assert "damaged" in run("restore", file, "--yes", code=1).output
    assert Path(run("backup").stdout.strip()).parent == tmp_path


def test_the_demo_comes_once_with_files_to_try_the_import(run, tmp_path, monkeypatch):
    said = run("demo").stderr
    assert all(name in said for name in ("lin", "zhao", "admin", "sample_wishes.xlsx"))
    count = db.session.scalar(select(func.count()).select_from(Posting))
    assert count
    assert "20 行都可以导入" in run("import", "wishes", str(tmp_path / "sample_wishes.xlsx"), "--by", "lin", "--check").stdout
    assert "20 行都可以导入" in run("import", "wishes", str(tmp_path / "sample_wishes.tsv"), "--by", "lin", "--check").stdout
    served: list[Flask] = []
    monkeypatch.setattr(serve, "run", served.append)
    run("serve", "--demo")
    run("serve")
    assert [app.config["PORTAL"].DEMO for app in served] == [True, False]
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Posting)) == count
    assert "BAD" not in run("doctor").stdout
