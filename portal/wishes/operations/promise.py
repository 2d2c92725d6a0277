"""What every claim rests on: its days, the quota, one step by the table, and the line (候补) that freed units go to.

Locks are always taken in this order: enterprises (by id), claim, posting, kept figures. So two acts never wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update

from portal.database import db
from portal.enterprises.models import Enterprise
from portal.households.models import Household, Member
from portal.journal import Transaction
from portal.refusal import Refused
from portal.wishes import lifecycle, shelf
from portal.wishes.models import Campaign, Claim, Posting
from portal.wishes.queries import local_day

NO_KEY = {"key_share": True}
"""Locks a row against changes, not against rows that refer to it: naming recipients plans deliveries of a claim that is being confirmed."""


class LineGrew(Exception):
    """Somebody stood in line after the line's enterprises were locked: the act is begun anew."""


def clock_of(campaign: Campaign, latest_day: date, today: date) -> tuple[date, date]:
    """(ready by, deliver by) of a claim made today: the campaign's days, never later than the posting's latest day."""
    deliver_by = min(today + timedelta(days=campaign.deliver_days), latest_day)
    return min(today + timedelta(days=campaign.ready_days), deliver_by), deliver_by


def refuse_standing(enterprise: Enterprise) -> None:
    """Refused("suspended") or Refused("not_approved") unless the enterprise may claim."""
    if enterprise.state == "suspended":
        raise Refused("suspended", phone="12351")
    if enterprise.state != "approved":
        raise Refused("not_approved")


def take_quota(tx: Transaction, enterprise_id: int | None, quantity: int, campaign: Campaign, now: datetime) -> None:
    """Count the units against the enterprise's quota, in one conditional UPDATE (rule 4)."""
    taken = tx.change(
        update(Enterprise)
        .where(
            Enterprise.id == enterprise_id,
            Enterprise.state == "approved",
            Enterprise.open_claims + quantity <= func.coalesce(Enterprise.quota, campaign.quota),
        )
        .values(open_claims=Enterprise.open_claims + quantity, first_claim_at=func.coalesce(Enterprise.first_claim_at, now))
    )
    if taken:
        return
    enterprise = tx.session.get_one(Enterprise, enterprise_id, populate_existing=True)
    refuse_standing(enterprise)
    raise Refused("quota", quota=campaign.quota if enterprise.quota is None else enterprise.quota, open=enterprise.open_claims)


def give_quota(tx: Transaction, enterprise_id: int | None, quantity: int) -> None:
    """Give the units back to the enterprise's quota; a claim of the union has none."""
    if enterprise_id is not None:
        tx.session.execute(
            update(Enterprise)
            .where(Enterprise.id == enterprise_id)
            .values(open_claims=Enterprise.open_claims - quantity)
            .execution_options(synchronize_session=False)
        )


def step(tx: Transaction, row: Claim, name: str, **values: object) -> str:
    """Move a claim by the table in one conditional UPDATE; returns the state it left. Refused("stale_step") when it was not there."""
    rule = lifecycle.find("claim", name)
    tx.session.refresh(row, with_for_update=NO_KEY | {"of": Claim})  # of: the row may have been loaded with joins
    was = row.state
    if was not in rule.sources:
        raise Refused("in_flight" if name == "release" and was == "handed_over" else "stale_step", thing="claim", step=name, state=was)
    if not tx.change(update(Claim).where(Claim.id == row.id, Claim.state == was).values(state=rule.target, **values)):
        raise Refused("stale_step", thing="claim", step=name, state=was)
    tx.session.refresh(row)
    return was


def employs(household_id: int | None, enterprise_id: int | None) -> bool:
    """Whether somebody of the household works for the enterprise (慈善法 §40: no interested party)."""
    if household_id is None or enterprise_id is None:
        return False
    credit = select(Enterprise.credit_code).where(Enterprise.id == enterprise_id).scalar_subquery()
    query = (
        select(Household.id)
        .outerjoin(Member, Member.household_id == Household.id)
        .where(Household.id == household_id, (Household.employer_credit_code == credit) | (Member.employer_credit_code == credit))
        .limit(1)
    )
    return db.session.scalar(query) is not None


def lock_claimant(tx: Transaction, row: Claim) -> None:
    """Take the enterprise's row before the claim's."""
    if row.enterprise_id is not None:
        tx.session.get_one(Enterprise, row.enterprise_id, with_for_update=NO_KEY)


def lock_line(tx: Transaction, row: Claim) -> Collection[int]:
    """Take the rows of the claimant and of all who wait for the same posting; returns the enterprises' ids."""
    waiting = select(Claim.enterprise_id).where(Claim.posting_id == row.posting_id, Claim.state == "waiting")
    locked = select(Enterprise.id).where((Enterprise.id == row.enterprise_id) | Enterprise.id.in_(waiting)).order_by(Enterprise.id)
    return set(tx.session.scalars(locked.with_for_update(key_share=True)))


def free_units(tx: Transaction, row: Claim, locked: Collection[int], now: datetime) -> list[Claim]:
    """Free a claim's units: to the enterprises next in line, else back into the hall; returns the claims promoted."""
    posting = tx.session.get_one(Posting, row.posting_id, populate_existing=True, with_for_update=NO_KEY)
    covered = -row.quantity if row.unit_id is not None else 0
    if not shelf.move(tx, posting.id, shelf.Move(was=posting.state, claimed=-row.quantity, covered=covered)):
        raise Refused("stale_step", thing="posting", step="free", state=posting.state)
    line = select(Claim).where(Claim.posting_id == posting.id, Claim.state == "waiting").order_by(Claim.id)
    waiting = tx.session.scalars(line).all()
    if any(claim.enterprise_id not in locked for claim in waiting):
        raise LineGrew
    return [claim for claim in waiting if _promote(tx, posting, claim, now)]


def _promote(tx: Transaction, posting: Posting, waiting: Claim, now: datetime) -> bool:
    """Give free units to one that waits; one whose quota or standing does not allow it keeps waiting."""
    try:
        with tx.session.begin_nested():
            if employs(posting.household_id, waiting.enterprise_id):  # somebody of the household may have begun to work there
                raise Refused("own_employee")
            take_quota(tx, waiting.enterprise_id, waiting.quantity, posting.campaign, now)
            today = local_day(now)
            guards = (Posting.claimed + waiting.quantity <= Posting.quantity, Posting.latest_day >= today)
            if not shelf.move(tx, posting.id, shelf.Move(was="open", claimed=waiting.quantity), *guards):
                raise Refused("not_open")
            ready_by, deliver_by = clock_of(posting.campaign, posting.latest_day, today)
            step(tx, waiting, "promote", ready_by=ready_by, deliver_by=deliver_by, claimed_at=now)
    except Refused:
        return False
    return True
