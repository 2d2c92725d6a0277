"""The clock of the running server: one thread in one process at a time looks for overdue claims."""

from __future__ import annotations

import logging
import secrets
import threading
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import String, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Model, Moment, db, utcnow
from portal.journal import housekeeping
from portal.wishes.operations.clock import sweep

log = logging.getLogger("portal")


class Lease(Model):
    """Who may do a job alone for a while: many workers and servers share one database, the clock ticks once."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    holder: Mapped[str] = mapped_column(String(32))
    until: Mapped[datetime] = mapped_column(Moment)


def take_lease(name: str, holder: str, seconds: float, now: datetime) -> bool:
    """Take or renew a lease by one conditional UPDATE; a lease that ran out may be taken by anybody."""
    until = now + timedelta(seconds=seconds)
    try:
        with housekeeping() as tx:
            mine = (Lease.name == name) & ((Lease.holder == holder) | (Lease.until < now))
            if tx.change(update(Lease).where(mine).values(holder=holder, until=until)):
                return True
            if tx.session.get(Lease, name, populate_existing=True) is None:
                tx.session.add(Lease(name=name, holder=holder, until=until))
                tx.session.flush()
                return True
    except IntegrityError:  # another process made the row at the same moment
        return False
    return False


def start(app: Flask) -> threading.Event:
    """Start the clock's thread (nothing when CLOCK_SECONDS is 0); set the event that is returned to stop it."""
    seconds = app.config["PORTAL"].CLOCK_SECONDS
    stop = threading.Event()
    if seconds > 0:
        threading.Thread(target=_tick, args=(app, seconds, stop), name="clock", daemon=True).start()
    return stop


def _tick(app: Flask, seconds: int, stop: threading.Event) -> None:
    holder = secrets.token_hex(8)
    while not stop.wait(seconds):
        with app.app_context():
            try:
                if take_lease("clock", holder, seconds * 3, utcnow()):
                    done = sweep()
                    if done.lapsed or done.expired:
                        log.info("clock", extra={"facts": vars(done)})
            except Exception as problem:  # whatever it is (the database away, the disk full): the next tick tries again
                log.error("clock", exc_info=problem)
            finally:
                db.session.remove()
