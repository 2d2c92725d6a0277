"""工会兜底: a union unit covers by its own means what nobody claimed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError

from portal.database import utcnow
from portal.journal import Actor, transaction
from portal.refusal import Refused
from portal.wishes.models import Claim, Posting
from portal.wishes.operations.claiming import Claimant, take_units
from portal.wishes.queries import by_idem, form_key


def cover(posting: Posting, quantity: int, *, by: Actor, idem: str | None = None, now: datetime | None = None) -> Claim:
    """The actor's union unit promises ``quantity`` units; counted apart in every figure. The same ``idem`` again returns the first claim.

    It may be done after the campaign's claims have closed. Refused: already_claimed, pack_short, pack_gone, not_open, too_late.
    """
    now, idem = now or utcnow(), form_key(idem, by, posting.code)
    if repeated := by_idem(Claim, idem):
        return repeated
    try:
        with transaction() as tx:
            row = take_units(tx, posting, quantity, Claimant(unit_id=by.unit_id), by, now)
            row.idem = idem
            tx.session.flush()
            tx.event("claim.cover", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, quantity=quantity)
    except (IntegrityError, Refused) as problem:
        if repeated := by_idem(Claim, idem):  # both copies of a doubled form came at once
            return repeated
        if isinstance(problem, Refused):
            raise
        raise Refused("already_claimed") from None
    return row
