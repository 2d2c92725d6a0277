"""The portal for the race: `gunicorn tests.wishes.race_app:app`. With PORTAL_RACE_MUTANT=1 its claims are check-then-write.

The mutant looks whether units are left, and later writes what it has seen plus its own: the fault that the guarded UPDATE exists to avoid.
The race must find it, or the race proves nothing.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import update

from portal import create_app
from portal.journal import Transaction
from portal.wishes import shelf
from portal.wishes.models import Posting
from portal.wishes.operations import claiming

seen: dict[int, int] = {}


def _look(posting: Posting, quantity: int, today: Any) -> None:
    """The check: remembers what was claimed when it looked."""
    seen[posting.id] = posting.claimed
    honest_look(posting, quantity, today)


def _write(tx: Transaction, posting_id: int, change: shelf.Move, *_guards: object) -> bool:
    """The write: no guard, and the number it saw plus its own."""
    values = {"version": Posting.version + 1, "claimed": seen[posting_id] + change.claimed}
    tx.session.execute(update(Posting).where(Posting.id == posting_id).values(values).execution_options(synchronize_session=False))
    return True


honest_look = claiming._cheap_look
app = create_app()
if os.environ.get("PORTAL_RACE_MUTANT"):
    claiming._cheap_look, shelf.move = _look, _write
