"""The clock: one holder at a time, and a sweep that may run twice, late, or beside another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from portal import clock
from portal.clock import Lease, take_lease
from portal.database import db, utcnow
from portal.journal import Event
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.operations.clock import sweep

ROOT = Path(__file__).resolve().parents[1]
TAKE = """
import sys
from portal import create_app
from portal.clock import take_lease
from portal.database import utcnow
app = create_app()
with app.app_context():
    sys.stdin.readline()
    print(sum(take_lease("clock", sys.argv[1], 600, utcnow()) for _ in range(5)), flush=True)
"""


def test_a_lease_is_one_holders_until_it_runs_out(cast):
    now = utcnow()
    assert take_lease("clock", "a", 60, now)
    assert not take_lease("clock", "b", 60, now + timedelta(seconds=59))
    assert take_lease("clock", "a", 60, now + timedelta(seconds=59)), "the holder renews"
    assert not take_lease("clock", "b", 60, now + timedelta(seconds=118))
    assert take_lease("clock", "b", 60, now + timedelta(seconds=120))
    assert not take_lease("clock", "a", 60, now + timedelta(seconds=121))
    assert take_lease("other", "a", 60, now)
    assert db.session.get_one(Lease, "clock", populate_existing=True).holder == "b"


def test_of_several_processes_one_holds_the_lease(app):
    chosen = app.config["PORTAL"]
    names = ("INSTANCE", "DATABASE_URL", "SECRET_KEY", "KEYS_FILE")
    environ = os.environ | {f"PORTAL_{name}": str(getattr(chosen, name)) for name in names}
    command = [sys.executable, "-c", TAKE]
    running = [
        subprocess.Popen([*command, f"p{number}"], cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    try:
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        counts = sorted(int(process.communicate(timeout=90)[0]) for process in running)
    finally:
        for process in running:
            process.kill()
            process.wait(20)
    assert counts == [0, 5]


def test_a_sweep_lapses_promotes_and_expires_once(cast):
    now = utcnow()
    wish, lot = cast.wish(), cast.lot(3, latest_day=cast.today + timedelta(days=4))
    first, second = cast.claim(wish), claiming.wait(wish, 1, by=cast.sun)
    later = now + timedelta(days=6)
    assert vars(sweep(later)) == {"lapsed": 1, "promoted": 1, "expired": 1, "dismissed": 0}
    count = db.session.scalar(select(func.count()).select_from(Event))
    assert vars(sweep(later)) == {"lapsed": 0, "promoted": 0, "expired": 0, "dismissed": 0}
    assert db.session.scalar(select(func.count()).select_from(Event)) == count
    db.session.expire_all()
    assert (first.state, second.state, lot.state) == ("lapsed", "active", "expired")
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_what_is_claimed_does_not_expire_and_its_freed_units_do(cast):
    lot = cast.lot(2, latest_day=cast.today + timedelta(days=3))
    row = cast.claim(lot, 2, state="handed_over")
    assert sweep(utcnow() + timedelta(days=5)).expired == 0
    assert (lot.state, row.state) == ("open", "handed_over")
    other = cast.wish(latest_day=cast.today + timedelta(days=3))
    cast.claim(other)
    assert vars(sweep(utcnow() + timedelta(days=5))) == {"lapsed": 1, "promoted": 0, "expired": 1, "dismissed": 0}
    assert db.session.get_one(Posting, other.id, populate_existing=True).state == "expired"


def test_everything_left_expires_with_the_campaign(cast):
    wish = cast.wish(latest_day=cast.today + timedelta(days=40))
    assert sweep(utcnow() + timedelta(days=39)).expired == 0
    cast.campaign.ends_on = cast.today + timedelta(days=38)
    cast.campaign.claims_until = cast.today + timedelta(days=20)
    db.session.commit()
    assert sweep(utcnow() + timedelta(days=39)).expired == 1
    assert db.session.get_one(Posting, wish.id, populate_existing=True).state == "expired"


def test_two_sweeps_at_once_do_the_work_once(cast, app):
    for _ in range(6):
        cast.claim(cast.wish())
    later = utcnow() + timedelta(days=8)
    gate, done = threading.Barrier(2, timeout=30), []

    def run() -> None:
        with app.app_context():
            gate.wait()
            done.append(sweep(later).lapsed)
            db.session.remove()

    db.session.commit()
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(done) == 6
    db.session.rollback()
    assert db.session.scalar(select(func.count()).where(Event.action == "claim.lapse")) == 6
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_the_thread_ticks_and_stops(cast, make_app):
    cast.claim(cast.wish())
    overdue = utcnow() - timedelta(days=30)
    for row in db.session.scalars(select(claiming.Claim)):
        row.ready_by = row.deliver_by = overdue.date()
    db.session.commit()
    db.session.remove()
    stop = clock.start(make_app(CLOCK_SECONDS=1))
    try:
        for _ in range(200):
            db.session.rollback()
            if db.session.scalar(select(func.count()).where(Event.action == "claim.lapse")):
                break
            threading.Event().wait(0.1)
    finally:
        stop.set()
        for thread in [thread for thread in threading.enumerate() if thread.name == "clock"]:
            thread.join(20)
    assert db.session.scalar(select(func.count()).where(Event.action == "claim.lapse")) == 1


def test_a_clock_of_none_never_starts(make_app):
    before = {thread.ident for thread in threading.enumerate()}
    clock.start(make_app(CLOCK_SECONDS=0))
    assert not [thread for thread in threading.enumerate() if thread.name == "clock" and thread.ident not in before]


def test_the_clock_goes_on_whatever_a_tick_met(app, monkeypatch):
    ticks: list[int] = []
    again = threading.Event()

    def broken(*_args: object) -> bool:
        ticks.append(1)
        if len(ticks) > 1:
            again.set()
        raise OSError("no file can be opened")

    monkeypatch.setattr(clock, "take_lease", broken)
    stop = threading.Event()
    ticking = threading.Thread(target=clock._tick, args=(app, 0.01, stop))
    ticking.start()
    assert again.wait(30), "a second tick"
    stop.set()
    ticking.join(30)


def test_a_line_ends_with_what_it_waits_for(cast):
    wish = cast.wish(latest_day=cast.today + timedelta(days=3))
    cast.claim(wish, state="handed_over")
    second = claiming.wait(wish, 1, by=cast.sun)
    assert sweep().dismissed == 0
    row = db.session.scalars(select(Delivery).where(Delivery.posting_id == wish.id)).one()
    delivering.sign(row, cast.facts(row), by=cast.chen)
    delivering.confirm(row, by=cast.li)
    assert (sweep().dismissed, second.state) == (1, "released")
    assert sweep().dismissed == 0
