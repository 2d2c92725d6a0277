"""The promise clock: what lapses and expires by itself, each in a transaction of its own, safe to repeat and to run twice at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.database import db, utcnow
from portal.journal import SYSTEM, transaction
from portal.refusal import Refused
from portal.wishes import shelf
from portal.wishes.models import Campaign, Posting
from portal.wishes.operations.claiming import dismiss, lapse, overdue, waiting_in_vain
from portal.wishes.queries import local_day


@dataclass
class Swept:
    """What one sweep did."""

    lapsed: int = 0
    promoted: int = 0
    expired: int = 0
    dismissed: int = 0


def sweep(now: datetime | None = None, progress: Callable[[int], None] | None = None) -> Swept:
    """Lapse overdue claims, expire postings past their latest day, end the lines of what is over; what another worker did first is left alone."""
    now = now or utcnow()
    done = Swept()
    seen: set[int] = set()
    while rows := [row for row in overdue(now) if row.id not in seen]:
        for row in rows:
            seen.add(row.id)
            try:
                promoted = lapse(row, now=now)
            except Refused:  # somebody handed it over or released it a moment ago
                continue
            done.lapsed, done.promoted = done.lapsed + 1, done.promoted + len(promoted)
            if progress:
                progress(done.lapsed)
    done.expired = _expire(now)
    for row in waiting_in_vain():
        try:
            dismiss(row, now=now)
        except Refused:  # left the line by itself a moment ago
            continue
        done.dismissed += 1
    return done


def _expire(now: datetime) -> int:
    """Postings whose latest day (or campaign) has passed with units that nobody claimed; claims that exist go on."""
    today = local_day(now)
    ended = select(Campaign.id).where(Campaign.ends_on < today)
    past = (Posting.latest_day < today) | Posting.campaign_id.in_(ended)
    due = select(Posting.id).where(Posting.state == "open", Posting.claimed < Posting.quantity, past)
    expired = 0
    for posting_id in db.session.scalars(due).all():
        posting = db.session.get_one(Posting, posting_id)
        try:
            with transaction() as tx:
                if not shelf.move(tx, posting_id, shelf.Move(was="open", to="expired"), Posting.claimed < Posting.quantity):
                    raise Refused("stale_step", thing="posting", step="expire", state="open")
                tx.event("posting.expire", posting, by=SYSTEM, at=now)
        except Refused:  # the last unit was claimed a moment ago
            continue
        expired += 1
    return expired
