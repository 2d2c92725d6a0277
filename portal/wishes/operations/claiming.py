"""Claiming: claim, wait in line, make ready, release, lapse, revoke. A claim is one conditional UPDATE plus a constraint."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn

from sqlalchemy import case, delete, select
from sqlalchemy.exc import IntegrityError

from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.journal import SYSTEM, Actor, Transaction, housekeeping, transaction
from portal.refusal import Refused
from portal.wishes import lifecycle, shelf
from portal.wishes.models import BasketLine, Claim, Posting
from portal.wishes.operations.promise import (
    NO_KEY,
    LineGrew,
    clock_of,
    employs,
    free_units,
    give_quota,
    lock_line,
    refuse_standing,
    step,
    take_quota,
)
from portal.wishes.queries import by_idem, form_key, local_day


@dataclass(frozen=True)
class Claimant:
    """Who promises: an enterprise, or (工会兜底) a union unit."""

    enterprise_id: int | None = None
    unit_id: int | None = None


def claim(posting: Posting, quantity: int, *, by: Actor, idem: str | None = None, batch: str = "", now: datetime | None = None) -> Claim:
    """Claim units for the actor's enterprise. The same ``idem`` again returns the first claim.

    Refused: already_claimed, pack_short, pack_gone, not_open, too_late, campaign_over, own_employee, not_approved, suspended, quota.
    """
    now, idem = now or utcnow(), form_key(idem, by, posting.code)
    if repeated := by_idem(Claim, idem):
        return repeated
    _cheap_look(posting, quantity, local_day(now))
    posting_id = posting.id
    try:
        with transaction() as tx:
            take_quota(tx, by.enterprise_id, quantity, posting.campaign, now)
            _refuse_interested(tx, posting, by.enterprise_id)
            row = take_units(tx, posting, quantity, Claimant(enterprise_id=by.enterprise_id), by, now)
            row.idem, row.batch = idem, batch
            tx.session.flush()
            tx.event("claim.claim", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, quantity=quantity)
    except (IntegrityError, Refused) as problem:
        # A second click that ran beside the first has lost to it: its person has won.
        if repeated := by_idem(Claim, idem):
            return repeated
        if isinstance(problem, Refused):
            raise
        raise Refused("already_claimed") from None
    _forget_line(posting_id, by.enterprise_id)
    return row


def _forget_line(posting_id: int, enterprise_id: int | None) -> None:
    """A line of the basket that was claimed has done its work; a colleague may take it out at this very moment."""
    if db.session.get(BasketLine, (enterprise_id, posting_id)) is not None:
        with housekeeping() as tx:
            tx.change(delete(BasketLine).where(BasketLine.enterprise_id == enterprise_id, BasketLine.posting_id == posting_id))


def _cheap_look(posting: Posting, quantity: int, today: date) -> None:
    """Answer the loser of a race before the write lock is asked for; the guarded UPDATE alone decides who wins."""
    if posting.state != "open" or posting.left < quantity or posting.latest_day < today or posting.campaign.claims_until < today:
        _why_not(posting, quantity, today)


def _why_not(posting: Posting, quantity: int, today: date) -> NoReturn:
    """Say why units could not be taken."""
    if posting.state != "open":
        raise Refused("not_open")
    if posting.campaign.claims_until < today:
        raise Refused("campaign_over")
    if posting.latest_day < today:
        raise Refused("too_late")
    if posting.kind == "wish":
        raise Refused("already_claimed")
    raise Refused("pack_short", "quantity", left=posting.left) if posting.left else Refused("pack_gone")


def _refuse_interested(tx: Transaction, posting: Posting, enterprise_id: int | None) -> None:
    if posting.household_id is not None and employs(posting.household_id, enterprise_id):
        raise Refused("own_employee")


def take_units(tx: Transaction, posting: Posting, quantity: int, claimant: Claimant, by: Actor, now: datetime) -> Claim:
    """The guarded UPDATE and the claim's row; Refused with the reason when the units are gone."""
    today = local_day(now)
    covered = quantity if claimant.unit_id is not None else 0
    guards = (Posting.claimed + quantity <= Posting.quantity, Posting.latest_day >= today)
    if posting.campaign.claims_until < today and not covered:
        raise Refused("campaign_over")
    if not shelf.move(tx, posting.id, shelf.Move(was="open", claimed=quantity, covered=covered), *guards):
        tx.session.refresh(posting)
        _why_not(posting, quantity, today)
    return _new_claim(tx, posting, quantity, claimant, by, now)


def _new_claim(tx: Transaction, posting: Posting, quantity: int, claimant: Claimant, by: Actor, now: datetime, state: str = "active") -> Claim:
    ready_by, deliver_by = clock_of(posting.campaign, posting.latest_day, local_day(now))
    row = Claim(
        code=tx.new_code(Claim, "RL"), posting_id=posting.id, kind=posting.kind, enterprise_id=claimant.enterprise_id, unit_id=claimant.unit_id,
        quantity=quantity, state=state, claimed_by=by.id, claimed_at=now, ready_by=ready_by, deliver_by=deliver_by, delivered=0,
    )  # fmt: skip
    tx.session.add(row)
    return row


def wait(posting: Posting, quantity: int, *, by: Actor, now: datetime | None = None) -> Claim:
    """Stand in line (候补认领) for units that another enterprise holds; promoted by itself when they come free.

    Refused: not_open, campaign_over, nothing_to_wait, pack_short, own_employee, not_approved, suspended, already_waiting, already_yours.
    """
    now = now or utcnow()
    _refuse_line(posting, quantity, local_day(now))
    if employs(posting.household_id, by.enterprise_id):
        raise Refused("own_employee")
    mine = select(Claim.state).where(
        Claim.posting_id == posting.id, Claim.enterprise_id == by.enterprise_id, Claim.state.in_(("waiting", *lifecycle.LIVE))
    )
    with transaction() as tx:
        refuse_standing(tx.session.get_one(Enterprise, by.enterprise_id, with_for_update=NO_KEY))
        state = tx.session.scalar(mine)  # under the enterprise's lock: two clicks stand in line once
        if state:
            raise Refused("already_waiting" if state == "waiting" else "already_yours")
        tx.session.refresh(posting, with_for_update=NO_KEY | {"of": Posting})
        _refuse_line(posting, quantity, local_day(now))  # again: who frees the units just now must see this claim, or this claim the units
        row = _new_claim(tx, posting, quantity, Claimant(enterprise_id=by.enterprise_id), by, now, "waiting")
        tx.session.flush()
        tx.event("claim.wait", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, quantity=quantity)
    return row


def _refuse_line(posting: Posting, quantity: int, today: date) -> None:
    if posting.state != "open" or posting.latest_day < today:
        raise Refused("not_open")
    if posting.campaign.claims_until < today:
        raise Refused("campaign_over")
    if quantity > posting.quantity:
        raise Refused("pack_short", "quantity", left=posting.quantity)
    if posting.left >= quantity:
        raise Refused("nothing_to_wait")


def ready(row: Claim, *, by: Actor, now: datetime | None = None) -> None:
    """The claimant says the goods are ready (已备货)."""
    now = now or utcnow()
    with transaction() as tx:
        step(tx, row, "ready", ready_at=now)
        tx.event("claim.ready", row, by=by, at=now, unit_id=row.posting.unit_id)


def _end(row: Claim, name: str, reason: str, by: Actor, now: datetime) -> list[Claim]:
    """End a claim and free its units: to the enterprise next in line, else back into the hall."""
    while True:
        with contextlib.suppress(LineGrew), transaction() as tx:
            locked = lock_line(tx, row)
            was = step(tx, row, name, ended_at=now, end_reason=reason)
            promoted: list[Claim] = []
            if was != "waiting":
                give_quota(tx, row.enterprise_id, row.quantity)
                promoted = free_units(tx, row, locked, now)
            tx.event(
                f"claim.{name}", row, by=by, at=now, unit_id=row.posting.unit_id, posting=row.posting.code, quantity=row.quantity,
                next=[claim.code for claim in promoted],
            )  # fmt: skip
            return promoted


def release(row: Claim, reason: str, *, by: Actor, now: datetime | None = None) -> list[Claim]:
    """The claimant gives the units back, while the goods are not with the union yet; returns the claims promoted."""
    return _end(row, "release", reason, by, now or utcnow())


def revoke(row: Claim, reason: str, *, by: Actor, now: datetime | None = None) -> list[Claim]:
    """Staff take a claim away, with a reason."""
    return _end(row, "revoke", reason, by, now or utcnow())


def lapse(row: Claim, *, by: Actor = SYSTEM, now: datetime | None = None) -> list[Claim]:
    """A promise whose day has passed: the units come free."""
    return _end(row, "lapse", "", by, now or utcnow())


def dismiss(row: Claim, *, by: Actor = SYSTEM, now: datetime | None = None) -> None:
    """End a place in line for what can no longer come free."""
    _end(row, "dismiss", "", by, now or utcnow())


def waiting_in_vain() -> list[Claim]:
    """Places in line for postings that are over."""
    over = Posting.state.in_(("closed", "withdrawn", "expired"))
    return list(
        db.session.scalars(select(Claim).join(Posting, Posting.id == Claim.posting_id).where(Claim.state == "waiting", over).order_by(Claim.id))
    )


def overdue(now: datetime, limit: int = 200) -> list[Claim]:
    """Live claims whose promised day has passed, the oldest first: ready-by for those not ready, deliver-by for the others."""
    today = local_day(now)
    due = case((Claim.state == "active", Claim.ready_by), else_=Claim.deliver_by)
    query = select(Claim).where(Claim.state.in_(("active", "ready")), due < today).order_by(due, Claim.id).limit(limit)
    return list(db.session.scalars(query))
