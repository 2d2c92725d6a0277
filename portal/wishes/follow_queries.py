"""What following a promise asks: the claims of the subtree with filters, one with its deliveries, what nobody claimed, a food batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import joinedload

from portal.accounts.models import Account, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.enterprises.models import Enterprise
from portal.journal import Actor, Event
from portal.wishes.claim_queries import DUE
from portal.wishes.delivery_models import Delivery
from portal.wishes.delivery_queries import read_code, shown_name
from portal.wishes.desk_queries import due_soon
from portal.wishes.lifecycle import CLAIM_STATES
from portal.wishes.models import Campaign, Claim, PackItem, Posting
from portal.wishes.queries import received_batch

PER_PAGE = 30
MOST_ROWS = 50_000
MOST_DELIVERIES = 200
DUES = ("soon", "over")


@dataclass(frozen=True)
class Filter:
    """What the list is narrowed to; empty means all. ``due`` is one of DUES, ``enterprise`` a code, or "union" for what a union covers."""

    state: str = ""
    due: str = ""
    enterprise: str = ""
    kind: str = ""
    q: str = ""

    def args(self) -> dict[str, str]:
        """The filter as query arguments, without the empty ones."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass
class Page:
    """A page of a list without numbers: the rows, and the codes from which the neighbouring pages go on."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    newer: str | None = None
    older: str | None = None


def _scope(by: Actor, chosen: Filter, today: date) -> Select[Claim]:
    """The claims of postings in the actor's subtree that the filter leaves."""
    query = (
        select(Claim)
        .join(Posting, Posting.id == Claim.posting_id)
        .join(Campaign, Campaign.id == Posting.campaign_id)
        .where(Posting.unit_id.in_(units_under(by)))
    )
    if chosen.state in CLAIM_STATES:
        query = query.where(Claim.state == chosen.state)
    if chosen.due == "soon":
        query = query.where(due_soon(by, today))
    if chosen.due == "over":
        query = query.where(Claim.state.in_(("active", "ready")), today > DUE)
    if chosen.enterprise == "union":
        query = query.where(Claim.unit_id.is_not(None))
    elif chosen.enterprise:
        query = query.where(Claim.enterprise_id == select(Enterprise.id).where(Enterprise.code == chosen.enterprise).scalar_subquery())
    if chosen.kind in ("wish", "pack"):
        query = query.where(Claim.kind == chosen.kind)
    return query.where(_has_code(chosen.q)) if chosen.q else query


def _has_code(q: str) -> Any:
    code = read_code(q)
    by_delivery = select(Delivery.claim_id).where(Delivery.code == code)
    return or_(Claim.code == code, Claim.batch == code, Posting.code == code, Claim.id.in_(by_delivery))


_SHOWN = (joinedload(Claim.posting).joinedload(Posting.unit), joinedload(Claim.enterprise), joinedload(Claim.cover_unit))


def list_page(by: Actor, chosen: Filter, today: date, after: str = "", before: str = "") -> Page:
    """One page of claims, newest first, after (older than) or before (newer than) the claim of that code."""
    query = _scope(by, chosen, today).options(*_SHOWN).limit(PER_PAGE + 1)
    place = select(Claim.id).where(Claim.code == (after or before)).scalar_subquery()
    if before:
        found = list(db.session.scalars(query.where(Claim.id > place).order_by(Claim.id)))
        rows = [row_of(claim, today) for claim in found[:PER_PAGE][::-1]]
        return Page(rows, rows[0]["code"] if len(found) > PER_PAGE else None, rows[-1]["code"] if rows else None)
    found = list(db.session.scalars((query.where(Claim.id < place) if after else query).order_by(Claim.id.desc())))
    rows = [row_of(claim, today) for claim in found[:PER_PAGE]]
    return Page(rows, rows[0]["code"] if after and rows else None, rows[-1]["code"] if len(found) > PER_PAGE else None)


def every_row(by: Actor, chosen: Filter, today: date) -> Iterator[dict[str, Any]]:
    """All claims that the filter leaves, newest first, at most MOST_ROWS; read a thousand at a time."""
    query = _scope(by, chosen, today).options(*_SHOWN).order_by(Claim.id.desc()).limit(MOST_ROWS).execution_options(yield_per=1000)
    for claim in db.session.scalars(query):
        yield row_of(claim, today)


def row_of(claim: Claim, today: date) -> dict[str, Any]:
    """One line: no personal data, so that it may be exported. ``days`` are left until ``due`` (negative: overdue), while the clock runs."""
    posting = claim.posting
    due = claim.ready_by if claim.state == "active" else claim.deliver_by if claim.state == "ready" else None
    return {
        "code": claim.code, "state": claim.state, "kind": claim.kind, "title": posting.title, "posting": posting.code,
        "unit": posting.unit.short_name, "who": who(claim), "union": claim.unit_id is not None, "quantity": claim.quantity,
        "delivered": claim.delivered, "claimed_at": claim.claimed_at, "ready_by": claim.ready_by, "deliver_by": claim.deliver_by,
        "due": due, "days": (due - today).days if due else None, "value_fen": posting.value_fen * claim.quantity,
    }  # fmt: skip


def who(claim: Claim) -> str:
    """The short name of the enterprise, or of the union unit that covers."""
    if claim.enterprise is not None:
        return claim.enterprise.short_name
    return claim.cover_unit.short_name if claim.cover_unit is not None else ""


def enterprises_of(by: Actor) -> list[tuple[str, str]]:
    """(code, short name) of the enterprises that have claimed something of the subtree."""
    claimed = select(Claim.enterprise_id).join(Posting, Posting.id == Claim.posting_id).where(Posting.unit_id.in_(units_under(by)))
    query = select(Enterprise.code, Enterprise.short_name).where(Enterprise.id.in_(claimed)).order_by(Enterprise.short_name)
    return [(code, name) for code, name in db.session.execute(query)]


# -- one claim ----------------------------------------------------------------------------------------------------------------------


def claim_to_follow(by: Actor, code: str) -> Claim | None:
    """A claim of a posting in the actor's subtree with all that its page shows, or None."""
    return db.session.scalar(
        select(Claim)
        .join(Posting, Posting.id == Claim.posting_id)
        .where(Claim.code == code, Posting.unit_id.in_(units_under(by)))
        .options(*_SHOWN, joinedload(Claim.posting).joinedload(Posting.campaign))
    )


def waiting_line(claim: Claim) -> list[dict[str, Any]]:
    """Who stands in line for the same posting, the first one first."""
    query = (
        select(Claim).where(Claim.posting_id == claim.posting_id, Claim.state == "waiting").options(joinedload(Claim.enterprise)).order_by(Claim.id)
    )
    return [{"code": row.code, "who": who(row), "quantity": row.quantity, "since": row.claimed_at} for row in db.session.scalars(query)]


def deliveries_of(claim: Claim, by: Actor) -> list[dict[str, Any]]:
    """The first MOST_DELIVERIES deliveries of a claim; names in full only for the households' own union."""
    query = select(Delivery).where(Delivery.claim_id == claim.id).options(joinedload(Delivery.household)).order_by(Delivery.id)
    return [
        {
            "code": row.code, "state": row.state, "name": shown_name(by, row), "planned_on": row.planned_on,
            "signed_at": row.signed_at, "confirmed_at": row.confirmed_at, "misses": row.misses,
        }
        for row in db.session.scalars(query.limit(MOST_DELIVERIES))
    ]  # fmt: skip


def history(claim: Claim) -> list[Row[Event, str]]:
    """Every act on a claim with the name of who did it (None: the portal itself), oldest first."""
    query = select(Event, Account.name).outerjoin(Account, Account.id == Event.actor_id)
    return list(db.session.execute(query.where(Event.thing_type == "claim", Event.thing_code == claim.code).order_by(Event.id)).all())


# -- what nobody claimed --------------------------------------------------------------------------------------------------------------


def unclaimed(by: Actor, after: str = "") -> list[Posting]:
    """Open postings of the subtree with units that nobody claimed, the most urgent first; one more than PER_PAGE when there is more."""
    query = select(Posting).where(Posting.state == "open", Posting.claimed < Posting.quantity, Posting.unit_id.in_(units_under(by)))
    if after:
        edge = select(Posting.latest_day, Posting.id).where(Posting.code == after).subquery()
        later = select(edge.c.latest_day).scalar_subquery(), select(edge.c.id).scalar_subquery()
        query = query.where(or_(Posting.latest_day > later[0], (Posting.latest_day == later[0]) & (Posting.id > later[1])))
    return list(db.session.scalars(query.options(joinedload(Posting.unit)).order_by(Posting.latest_day, Posting.id).limit(PER_PAGE + 1)))


# -- a food batch ---------------------------------------------------------------------------------------------------------------------


def batch_received(by: Actor, batch: str) -> list[dict[str, Any]]:
    """Every household of the subtree that got food of a batch (food recall, 食品安全法 §63): masked for units above its own."""
    names = {
        unit_id: name for unit_id, name in db.session.execute(select(UnionUnit.id, UnionUnit.short_name).where(UnionUnit.id.in_(units_under(by))))
    }
    return [
        {
            "delivery": row.code, "state": row.state, "name": shown_name(by, row), "household": row.household.code if row.household.unit_id in names else None,
            "unit": names.get(row.unit_id, ""), "title": row.posting.title, "posting": row.posting.code,
            "at": row.delivered_at or row.signed_at,
        }
        for row in received_batch(by, batch)
    ]  # fmt: skip


def batch_articles(by: Actor, batch: str) -> list[dict[str, Any]]:
    """The articles of the batch in the subtree's lots, with how many packs are still on the way and must be held back."""
    held = select(func.count()).where(Delivery.posting_id == Posting.id, Delivery.state.in_(("planned", "failed"))).scalar_subquery()
    query = (
        select(PackItem, Posting.title, Posting.code, Posting.state, held)
        .join(Posting, Posting.id == PackItem.posting_id)
        .where(PackItem.batch == batch, Posting.unit_id.in_(units_under(by)))
        .order_by(Posting.id, PackItem.id)
    )
    return [
        {"item": item, "title": title, "posting": code, "state": state, "held": count}
        for item, title, code, state, count in db.session.execute(query)
    ]
