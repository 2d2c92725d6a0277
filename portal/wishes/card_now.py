"""Cards of given postings as they are at this moment, for the person who asks: after a click on one, or beside a page as similar ones."""

from __future__ import annotations

from typing import Any

from flask import current_app

from portal.database import utcnow
from portal.shell import locale
from portal.web import actor
from portal.wishes import hall_queries
from portal.wishes.cards import mode_of
from portal.wishes.hall_queries import Line
from portal.wishes.models import Posting
from portal.wishes.queries import local_day


def cards(postings: list[Posting]) -> list[Any]:
    """The rendered cards, in order."""
    if not postings:
        return []
    by, today = actor(), local_day(utcnow())
    who, over = hall_queries.visitor(by), postings[0].campaign.claims_until < today
    lines = [Line(row.id, row.code, row.kind, row.version, row.state, row.quantity, row.claimed) for row in postings]
    taken = hall_queries.taken_by(by, [line.id for line in lines])
    mine = {line.id for line in lines if line.id in taken and line.claimed >= line.quantity}
    modes = [(line, mode_of(line, who, mine, over)) for line in lines]
    return current_app.extensions["hall_cards"].show(modes, locale(), today)  # type: ignore[no-any-return]
