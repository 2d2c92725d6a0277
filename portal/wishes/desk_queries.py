"""What the desk asks: how much of each kind of work waits for this person, and since when or until when. One question for each."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload

from portal.accounts.models import Account, Session
from portal.accounts.queries import units_under
from portal.database import db
from portal.enterprises.models import Enterprise
from portal.households.models import Household
from portal.journal import Actor, Event
from portal.wishes.claim_queries import DUE
from portal.wishes.delivery_models import Delivery, SignOff
from portal.wishes.delivery_queries import TO_SIGN
from portal.wishes.models import Campaign, Claim, Posting, Recipient

LOOK_BACK = timedelta(days=30)
MOST = 8
MOST_REMIND_DAYS = 31


class Amount(NamedTuple):
    """How many, and the oldest (a moment) or the first due (a day) of them."""

    many: int
    since: datetime | date | None = None


def _one(query: Executable) -> Amount:
    return Amount(*db.session.execute(query).one())


# -- a clerk's work -----------------------------------------------------------------------------------------------------------------


def returned(by: Actor, today: date) -> Amount:
    """Postings of this person that came back, and since when."""
    return _one(
        select(func.count(), func.min(Posting.reviewed_at)).where(
            Posting.state == "returned", Posting.posted_by == by.id, Posting.unit_id == by.unit_id
        )
    )


def drafts(by: Actor, today: date) -> Amount:
    """Drafts of this person that were never submitted."""
    return _one(
        select(func.count(), func.min(Posting.posted_at)).where(Posting.state == "draft", Posting.posted_by == by.id, Posting.unit_id == by.unit_id)
    )


def to_take(by: Actor, today: date) -> Amount:
    """Claims whose goods are ready for the station, and the first day one is due."""
    query = select(func.count(), func.min(Claim.deliver_by)).select_from(Claim).join(Posting, Posting.id == Claim.posting_id)
    return _one(query.where(Claim.state == "ready", Posting.unit_id.in_(units_under(by))))


def to_sign(by: Actor, today: date) -> Amount:
    """Deliveries that lack a signature, and the first planned day."""
    return _one(select(func.count(), func.min(Delivery.planned_on)).where(Delivery.state.in_(TO_SIGN), Delivery.unit_id.in_(units_under(by))))


def to_name(by: Actor, today: date) -> Amount:
    """Lots of packs of which units are claimed but for which fewer households are named, and the first latest day."""
    named = select(func.count()).where(Recipient.posting_id == Posting.id).scalar_subquery()
    query = select(func.count(), func.min(Posting.latest_day)).where(
        Posting.kind == "pack", Posting.state == "open", Posting.unit_id.in_(units_under(by)), named < Posting.claimed
    )
    return _one(query)


def emergencies(by: Actor, today: date) -> Amount:
    """Households helped in an emergency whose paperwork is not done, and the first day it is due (rule 1)."""
    query = select(func.count(), func.min(Household.emergency_due))
    return _one(query.where(Household.unit_id.in_(units_under(by)), Household.state == "emergency"))


# -- a reviewer's work --------------------------------------------------------------------------------------------------------------


def to_review(by: Actor, today: date) -> Amount:
    """Submitted postings that somebody else wrote, and since when the oldest waits."""
    query = select(func.count(), func.min(Posting.submitted_at))
    return _one(query.where(Posting.state == "submitted", Posting.unit_id.in_(units_under(by)), Posting.posted_by != by.id))


def to_confirm(by: Actor, today: date) -> Amount:
    """Sign-offs in which this person has had no part (rule 6), and since when the oldest waits."""
    others = and_(*(column.is_distinct_from(by.id) for column in (Posting.posted_by, Posting.reviewed_by, Claim.inspected_by, SignOff.deliverer_id)))
    query = (
        select(func.count(), func.min(Delivery.signed_at))
        .select_from(Delivery)
        .join(Posting, Posting.id == Delivery.posting_id)
        .join(Claim, Claim.id == Delivery.claim_id)
        .join(SignOff, SignOff.delivery_id == Delivery.id)
    )
    return _one(query.where(Delivery.state == "signed", Delivery.unit_id.in_(units_under(by)), others))


def enterprises(by: Actor, today: date) -> Amount:
    """Enterprises of the subtree that wait to be approved."""
    query = select(func.count(), func.min(Enterprise.registered_at))
    return _one(query.where(Enterprise.state == "pending", Enterprise.unit_id.in_(units_under(by))))


def due_soon(by: Actor, today: date) -> ColumnElement[bool]:
    """Claims of the subtree whose promised day is within the campaign's reminder days, or behind them; needs Posting and Campaign joined."""
    # Days are added in Python for each length a campaign may have: the two engines add days to a date in different words.
    near = [and_(Campaign.remind_days == days, today + timedelta(days=days) >= DUE) for days in range(MOST_REMIND_DAYS + 1)]
    return and_(Claim.state.in_(("active", "ready")), Posting.unit_id.in_(units_under(by)), or_(*near))


def _claims(*what: Any) -> Select[Any]:
    joined = select(*what).select_from(Claim).join(Posting, Posting.id == Claim.posting_id)
    return joined.join(Campaign, Campaign.id == Posting.campaign_id)


def due_claims(by: Actor, today: date) -> Amount:
    """Claims that are due soon or overdue, and the first day one is due."""
    return _one(_claims(func.count(), func.min(DUE)).where(due_soon(by, today)))


def first_due(by: Actor, today: date) -> list[dict[str, Any]]:
    """The first few of them: code, state, title, who promised, the day, and the days that are left (negative: overdue)."""
    query = _claims(Claim, DUE.label("due")).where(due_soon(by, today)).order_by(DUE, Claim.id).limit(MOST)
    rows = db.session.execute(query.options(joinedload(Claim.posting), joinedload(Claim.enterprise), joinedload(Claim.cover_unit)))
    return [
        {
            "code": row.code, "state": row.state, "title": row.posting.title, "due": due, "days": (due - today).days,
            "who": row.enterprise.short_name if row.enterprise else row.cover_unit.short_name if row.cover_unit else "",
        }
        for row, due in rows
    ]  # fmt: skip


# -- watching and administering -----------------------------------------------------------------------------------------------------


def acts(by: Actor, actions: tuple[str, ...], now: datetime) -> dict[str, int]:
    """How many acts of these kinds the subtree has seen in the last 30 days: one query for all."""
    query = select(Event.action, func.count()).where(Event.at >= now - LOOK_BACK, Event.action.in_(actions), Event.unit_id.in_(units_under(by)))
    found = {action: count for action, count in db.session.execute(query.group_by(Event.action))}
    return {action: found.get(action, 0) for action in actions}


def not_clean(by: Actor, today: date) -> Amount:
    """Sign-offs that wait for confirmation with a proxy, a paper slip or a number that differs."""
    query = select(func.count(), func.min(Delivery.signed_at)).join(SignOff, SignOff.delivery_id == Delivery.id)
    return _one(query.where(Delivery.state == "signed", ~SignOff.clean, Delivery.unit_id.in_(units_under(by))))


def first_passwords(by: Actor, today: date) -> Amount:
    """Accounts of the subtree that still have the password they were given."""
    query = select(func.count(), func.min(Account.created_at))
    return _one(query.where(Account.must_change, Account.active, Account.unit_id.in_(units_under(by))))


def first_visit(by: Actor) -> bool:
    """Whether this is the person's first session: only then the desk says where to begin."""
    return len(db.session.scalars(select(Session.id).where(Session.account_id == by.id).limit(2)).all()) < 2
