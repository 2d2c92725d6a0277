"""The two engines behave alike where the portal relies on it: moments, writers, durability."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from portal.database import BUSY_MS, backup_sqlite, db, engine_options, sqlite, utcnow, writers_queue
from portal.journal import housekeeping
from portal.maintenance import LOWEST_SQLITE
from portal.wishes.models import Campaign, Posting

ROOT = Path(__file__).resolve().parents[1]


def test_a_moment_comes_back_aware_and_to_the_microsecond(cast):
    wish = cast.wish()
    moment = datetime(2026, 12, 1, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=8)))
    wish.submitted_at = moment
    db.session.commit()
    found = db.session.get_one(Posting, wish.id, populate_existing=True).submitted_at
    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_a_moment_without_zone_is_refused(cast):
    wish = cast.wish()
    wish.submitted_at = datetime(2026, 12, 1)  # noqa: DTZ001
    with pytest.raises(StatementError, match="time zone"):
        db.session.commit()
    db.session.rollback()


def test_moments_are_compared_as_moments(cast):
    early, late = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 1, 7, tzinfo=timezone(timedelta(hours=8)))
    assert late < early
    wish = cast.wish()
    wish.submitted_at = late
    db.session.commit()
    assert db.session.scalar(select(Posting.id).where(Posting.submitted_at < early)) == wish.id


def test_sqlite_is_set_to_survive_a_power_cut(app, engine):
    if engine != "sqlite":
        assert engine_options("postgresql+psycopg://x/y")["pool_pre_ping"] is True
        return
    with app.app_context():
        found = {
            name: db.session.scalar(text(f"pragma {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
        db.session.remove()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": BUSY_MS}


def test_the_sqlite_in_use_has_no_known_fault():
    assert sqlite.sqlite_version_info >= LOWEST_SQLITE


def test_a_reference_to_nothing_is_refused(cast):
    cast.wish().campaign_id = 999_999
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


@pytest.mark.parametrize(
    "values",
    [
        {"quantity": 2},
        {"household_id": None},
        {"claimed": 2},
        {"claimed": -1},
        {"fulfilled": 1},
        {"state": "lost"},
        {"kind": "gift"},
        {"value_fen": -1},
    ],
    ids=str,
)
def test_the_database_itself_refuses_an_impossible_wish(cast, values):
    row = cast.wish()
    for name, value in values.items():
        setattr(row, name, value)
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_writers_begin_as_writers_and_readers_as_readers(app, engine):
    if engine != "sqlite":
        pytest.skip("PostgreSQL has one kind of BEGIN")
    said: list[str] = []
    with app.app_context():

        def listen(_connection, _cursor, statement, *_rest) -> None:
            if statement.startswith("BEGIN"):
                said.append(statement)

        event.listen(db.engine, "before_cursor_execute", listen)
        try:
            db.session.scalar(select(Campaign.id))
            with housekeeping() as tx:
                tx.session.scalar(select(Campaign.id))
            db.session.remove()
        finally:
            event.remove(db.engine, "before_cursor_execute", listen)
    assert said == ["BEGIN", "BEGIN IMMEDIATE"]


def test_two_writers_stand_in_line_and_both_are_kept(cast, app):
    campaign_id = cast.campaign_id
    db.session.remove()

    def add() -> None:
        with app.app_context():
            for _ in range(20):
                with housekeeping() as tx:
                    row = tx.session.get_one(Campaign, campaign_id, with_for_update=True, populate_existing=True)
                    row.quota += 1
            db.session.remove()

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert db.session.get_one(Campaign, campaign_id).quota == 80 + 60


HOLD = """
import sys, time
from sqlalchemy import create_engine
from portal.database import writers_queue
with writers_queue(create_engine("sqlite:///" + sys.argv[1])):
    print("in", flush=True)
    sys.stdin.readline()
"""


def test_the_queue_holds_between_processes_and_a_killed_one_leaves_it(tmp_path):
    from sqlalchemy import create_engine

    file = tmp_path / "queue.sqlite3"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(file)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        came = threading.Event()

        def enter() -> None:
            with writers_queue(create_engine(f"sqlite:///{file}")):
                came.set()

        thread = threading.Thread(target=enter, daemon=True)
        thread.start()
        assert not came.wait(0.3), "somebody else is inside"
        holder.kill()
        assert came.wait(20), "the lock of a killed process is free"
        thread.join(20)
    finally:
        holder.kill()
        holder.wait(20)


def test_a_copy_of_a_running_database_is_whole(tmp_path):
    source, target = tmp_path / "here.sqlite3", tmp_path / "there.sqlite3"
    here = sqlite.connect(source)
    here.execute("pragma journal_mode=wal")
    here.execute("create table t (n integer)")
    here.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    here.commit()
    backup_sqlite(source, target)
    here.close()
    with sqlite.connect(target) as there:
        assert there.execute("select count(*), sum(n) from t").fetchone() == (1000, 499_500)
        assert there.execute("pragma integrity_check").fetchone() == ("ok",)


def test_now_is_utc():
    assert utcnow().tzinfo is UTC
