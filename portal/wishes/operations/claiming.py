"""Claiming: claim, wait in line, make ready, release, lapse, revoke, cover. A claim is one conditional UPDATE plus a constraint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NoReturn

from sqlalchemy import case, func, select, update
from sqlalchemy.exc import IntegrityError

from portal.codes import new_code
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.households.models import Household, Member
from portal.journal import SYSTEM, Actor, Transaction, housekeeping, transaction
from portal.refusal import Refused
from portal.wishes import lifecycle, shelf
from portal.wishes.models import BasketLine, Campaign, Claim, Posting
from portal.wishes.queries import by_idem, local_day


@dataclass(frozen=True)
class Claimant:
    """Who promises: an enterprise, or (工会兜底) a union unit."""

    enterprise_id: int | None = None
    unit_id: int | None = None


def clock_of(campaign: Campaign, latest_day: date, today: date) -> tuple[date, date]:
    """(ready by, deliver by) of a claim made today: the campaign's days, never later than the posting's latest day."""
    deliver_by = min(today + timedelta(days=campaign.deliver_days), latest_day)
    return min(today + timedelta(days=campaign.ready_days), deliver_by), deliver_by


def claim(
    posting: Posting, quantity: int, *, by: Actor, idem: str | None = None, batch: str = "", now: datetime | None = None
) -> Claim:
    """Claim units for the actor's enterprise. The same ``idem`` again returns the first claim.

    Refused: already_claimed, pack_short, pack_gone, not_open, too_late, campaign_over, own_employee, not_approved, suspended, quota.
    """
    now = now or utcnow()
    if repeated := by_idem(Claim, idem):
        return repeated
    _cheap_look(posting, quantity, local_day(now))
    posting_id = posting.id
    try:
        with transaction() as tx:
            _take_quota(tx, by.enterprise_id, quantity, posting.campaign, now)
            _refuse_interested(tx, posting, by.enterprise_id)
            row = _take_units(tx, posting, quantity, Claimant(enterprise_id=by.enterprise_id), by, now)
            row.idem, row.batch = idem, batch
            tx.session.flush()
            tx.event("claim.claim", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, quantity=quantity)
    except IntegrityError:
        if repeated := by_idem(Claim, idem):
            return repeated
        raise Refused("already_claimed") from None
    _forget_line(posting_id, by.enterprise_id)
    return row


def _forget_line(posting_id: int, enterprise_id: int | None) -> None:
    """A line of the basket that was claimed has done its work."""
    line = db.session.get(BasketLine, (enterprise_id, posting_id))
    if line is not None:
        with housekeeping() as tx:
            tx.session.delete(tx.session.get_one(BasketLine, (enterprise_id, posting_id)))


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


def _take_quota(tx: Transaction, enterprise_id: int | None, quantity: int, campaign: Campaign, now: datetime) -> None:
    """Count the units against the enterprise's quota, in one conditional UPDATE (rule 4)."""
    taken = tx.session.execute(
        update(Enterprise)
        .where(
            Enterprise.id == enterprise_id,
            Enterprise.state == "approved",
            Enterprise.open_claims + quantity <= func.coalesce(Enterprise.quota, campaign.quota),
        )
        .values(open_claims=Enterprise.open_claims + quantity, first_claim_at=func.coalesce(Enterprise.first_claim_at, now))
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount:
        return
    enterprise = tx.session.get_one(Enterprise, enterprise_id, populate_existing=True)
    if enterprise.state == "suspended":
        raise Refused("suspended", phone="12351")
    if enterprise.state != "approved":
        raise Refused("not_approved")
    raise Refused("quota", quota=enterprise.quota or campaign.quota, open=enterprise.open_claims)


def give_quota(tx: Transaction, enterprise_id: int | None, quantity: int) -> None:
    if enterprise_id is not None:
        tx.session.execute(
            update(Enterprise)
            .where(Enterprise.id == enterprise_id)
            .values(open_claims=Enterprise.open_claims - quantity)
            .execution_options(synchronize_session=False)
        )


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


def _refuse_interested(tx: Transaction, posting: Posting, enterprise_id: int | None) -> None:
    if posting.household_id is not None and employs(posting.household_id, enterprise_id):
        raise Refused("own_employee")


def _take_units(tx: Transaction, posting: Posting, quantity: int, claimant: Claimant, by: Actor, now: datetime) -> Claim:
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
        code=new_code("RL"), posting_id=posting.id, kind=posting.kind, enterprise_id=claimant.enterprise_id, unit_id=claimant.unit_id,
        quantity=quantity, state=state, claimed_by=by.id, claimed_at=now, ready_by=ready_by, deliver_by=deliver_by, delivered=0,
    )  # fmt: skip
    tx.session.add(row)
    return row


def cover(posting: Posting, quantity: int, *, by: Actor, now: datetime | None = None) -> Claim:
    """工会兜底: the actor's union unit covers what nobody claimed; counted apart in every figure."""
    now = now or utcnow()
    with transaction() as tx:
        row = _take_units(tx, posting, quantity, Claimant(unit_id=by.unit_id), by, now)
        tx.session.flush()
        tx.event("claim.cover", row, by=by, at=now, posting=posting.code, quantity=quantity)
    return row


def wait(posting: Posting, quantity: int, *, by: Actor, now: datetime | None = None) -> Claim:
    """Stand in line (候补认领) for units that another enterprise holds; promoted by itself when they come free."""
    now = now or utcnow()
    if posting.state != "open" or posting.latest_day < local_day(now):
        raise Refused("not_open")
    if posting.left >= quantity:
        raise Refused("nothing_to_wait")
    mine = select(Claim.state).where(
        Claim.posting_id == posting.id, Claim.enterprise_id == by.enterprise_id, Claim.state.in_(("waiting", *lifecycle.LIVE))
    )
    state = db.session.scalar(mine)
    if state:
        raise Refused("already_waiting" if state == "waiting" else "already_yours")
    if employs(posting.household_id, by.enterprise_id):
        raise Refused("own_employee")
    with transaction() as tx:
        enterprise = tx.session.get_one(Enterprise, by.enterprise_id, with_for_update=True)
        if enterprise.state != "approved":
            raise Refused("not_approved")
        row = _new_claim(tx, posting, quantity, Claimant(enterprise_id=by.enterprise_id), by, now, "waiting")
        tx.session.flush()
        tx.event("claim.wait", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, quantity=quantity)
    return row


def ready(row: Claim, *, by: Actor, now: datetime | None = None) -> None:
    """The claimant says the goods are ready (已备货)."""
    now = now or utcnow()
    with transaction() as tx:
        step(tx, row, "ready", ready_at=now)
        tx.event("claim.ready", row, by=by, at=now, unit_id=row.posting.unit_id)


def step(tx: Transaction, row: Claim, name: str, **values: object) -> str:
    """Move a claim by the table in one conditional UPDATE; returns the state it left. Refused("stale_step") when it was not there."""
    rule = lifecycle.find("claim", name)
    tx.session.refresh(row, with_for_update=True)
    was = row.state
    if was not in rule.sources:
        raise Refused("in_flight" if name == "release" and was == "handed_over" else "stale_step", thing="claim", step=name, state=was)
    moved = tx.session.execute(
        update(Claim).where(Claim.id == row.id, Claim.state == was).values(state=rule.target, **values).execution_options(synchronize_session=False)
    )
    if not moved.rowcount:
        raise Refused("stale_step", thing="claim", step=name, state=was)
    tx.session.refresh(row)
    return was


def lock_claimant(tx: Transaction, row: Claim) -> None:
    """Take the enterprise's row first: locks have one order everywhere (enterprise, claim, posting), so two acts cannot wait for each other."""
    if row.enterprise_id is not None:
        tx.session.get_one(Enterprise, row.enterprise_id, with_for_update=True)


def _end(row: Claim, name: str, reason: str, by: Actor, now: datetime) -> list[Claim]:
    """End a claim and free its units: to the enterprise next in line, else back into the hall."""
    with transaction() as tx:
        lock_claimant(tx, row)
        was = step(tx, row, name, ended_at=now, end_reason=reason)
        promoted: list[Claim] = []
        if was != "waiting":
            give_quota(tx, row.enterprise_id, row.quantity)
            promoted = _free_units(tx, row, now)
        tx.event(
            f"claim.{name}", row, by=by, at=now, unit_id=row.posting.unit_id, posting=row.posting.code, quantity=row.quantity,
            next=[claim.code for claim in promoted],
        )  # fmt: skip
    return promoted


def _free_units(tx: Transaction, row: Claim, now: datetime) -> list[Claim]:
    posting = tx.session.get_one(Posting, row.posting_id, populate_existing=True)
    covered = -row.quantity if row.unit_id is not None else 0
    if not shelf.move(tx, posting.id, shelf.Move(was=posting.state, claimed=-row.quantity, covered=covered)):
        raise Refused("stale_step", thing="posting", step="free", state=posting.state)
    promoted = []
    line = select(Claim).where(Claim.posting_id == posting.id, Claim.state == "waiting").order_by(Claim.id)
    for waiting in tx.session.scalars(line).all():
        if _promote(tx, posting, waiting, now):
            promoted.append(waiting)
    return promoted


def _promote(tx: Transaction, posting: Posting, waiting: Claim, now: datetime) -> bool:
    """Give free units to one that waits; one whose quota or standing does not allow it keeps waiting."""
    try:
        with tx.session.begin_nested():
            _take_quota(tx, waiting.enterprise_id, waiting.quantity, posting.campaign, now)
            today = local_day(now)
            guards = (Posting.claimed + waiting.quantity <= Posting.quantity, Posting.latest_day >= today)
            if not shelf.move(tx, posting.id, shelf.Move(was="open", claimed=waiting.quantity), *guards):
                raise Refused("not_open")
            ready_by, deliver_by = clock_of(posting.campaign, posting.latest_day, today)
            step(tx, waiting, "promote", ready_by=ready_by, deliver_by=deliver_by, claimed_at=now)
    except Refused:
        return False
    return True


def release(row: Claim, reason: str, *, by: Actor, now: datetime | None = None) -> list[Claim]:
    """The claimant gives the units back, while the goods are not with the union yet; returns the claims promoted."""
    return _end(row, "release", reason, by, now or utcnow())


def revoke(row: Claim, reason: str, *, by: Actor, now: datetime | None = None) -> list[Claim]:
    """Staff take a claim away, with a reason."""
    return _end(row, "revoke", reason, by, now or utcnow())


def lapse(row: Claim, *, by: Actor = SYSTEM, now: datetime | None = None) -> list[Claim]:
    """A promise whose day has passed: the units come free."""
    return _end(row, "lapse", "", by, now or utcnow())


def overdue(now: datetime, limit: int = 200) -> list[Claim]:
    """Live claims whose promised day has passed, the oldest first: ready-by for those not ready, deliver-by for the others."""
    today = local_day(now)
    due = case((Claim.state == "active", Claim.ready_by), else_=Claim.deliver_by)
    query = select(Claim).where(Claim.state.in_(("active", "ready")), due < today).order_by(due, Claim.id).limit(limit)
    return list(db.session.scalars(query))
