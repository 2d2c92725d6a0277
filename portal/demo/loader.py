"""Loads the demo: brings everybody on stage, then plays the campaign through the portal's own operations, in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select

from portal.accounts.models import UnionUnit
from portal.codes import new_code
from portal.database import db, utcnow
from portal.demo import cast as players
from portal.demo.acts import Stage, fill_basket
from portal.demo.agenda import Agenda
from portal.demo.board import put_board
from portal.demo.data import story
from portal.demo.plan import put_packs, put_wishes
from portal.journal import transaction
from portal.wishes.models import Campaign, Posting

Progress = Callable[[int, int], None]
BEFORE = timedelta(days=25)
SHOWN = ("lin", "chen", "he", "zhou", "li", "zhao", "sun", "gu", "admin")
"""The accounts to tell somebody who tries the demo: one of every role, and two where two people are needed."""


@dataclass(frozen=True)
class Loaded:
    """What there is after loading; ``fresh`` is false when the portal had data and nothing was done."""

    fresh: bool
    postings: int
    password: str


def load(progress: Progress | None = None, now: datetime | None = None) -> Loaded:
    """Load the demo into an empty portal; does nothing when there is any union unit.

    ``progress`` is told (done, total) after each act. Days are relative to ``now``; the lots are drawn from the story's seed, only codes are
    random. Every record leaves its events as if people had clicked.
    """
    if not is_empty():
        return Loaded(False, _postings(), story()["password"])
    agenda = Agenda(now or utcnow(), Random(story()["seed"]))
    counted = _Counted(progress)
    cast = players.assemble(agenda.now, agenda.today, counted.add)
    stage = Stage(agenda, cast, _campaign(agenda, cast).id)
    put_wishes(stage)
    put_packs(stage)
    put_board(stage)
    counted.total += len(agenda.acts)
    agenda.play(counted.add)
    fill_basket(stage, "zhao", agenda.now)
    return Loaded(True, _postings(), story()["password"])


def is_empty() -> bool:
    """Whether the portal has no union unit yet: only then may the demo be loaded."""
    return not db.session.scalar(select(func.count()).select_from(UnionUnit))


class _Counted:
    """Counts what is done, for a progress bar."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.done = 0
        self.total = players.SIZE

    def add(self, more: int) -> None:
        self.done += more
        if self.progress:
            self.progress(self.done, self.total)


def _postings() -> int:
    return db.session.scalar(select(func.count()).select_from(Posting)) or 0


def _campaign(agenda: Agenda, cast: players.Cast) -> Campaign:
    plan: dict[str, Any] = story()["campaign"]
    with transaction() as tx:
        campaign = Campaign(
            code=new_code("HD"), name=plan["name"], unit_id=cast.units[plan["unit"]].id, opens_on=agenda.day(plan["opens"]),
            claims_until=agenda.day(plan["claims_until"]), ends_on=agenda.day(plan["ends"]), ready_days=plan["ready_days"],
            deliver_days=plan["deliver_days"], remind_days=plan["remind_days"], quota=plan["quota"], ceiling_fen=plan["ceiling_yuan"] * 100,
        )  # fmt: skip
        tx.session.add(campaign)
        tx.session.flush()
        tx.event("campaign.create", campaign, by=cast.actors["admin"], at=agenda.now.replace(microsecond=0) - BEFORE)
    return campaign
