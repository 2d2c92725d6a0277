"""What the grassroots desk asks of its own postings: the list, the history, the claims, the recipients, and what a household got."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.orm import aliased, joinedload

from portal.accounts.models import Account, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.households import queries as household_queries
from portal.households.models import Household
from portal.journal import Actor, Event
from portal.wishes import lifecycle
from portal.wishes.delivery_models import Delivery, SignOff
from portal.wishes.models import Claim, Posting, Recipient
from portal.wishes.operations.posting import Draft, Item

PER_PAGE = 20
CANDIDATES = 50


@dataclass(frozen=True)
class Filter:
    """What the list is narrowed to; empty means all."""

    state: str = ""
    kind: str = ""


@dataclass
class Page:
    """A page of a list without numbers: the rows, and the codes from which the neighbouring pages go on."""

    rows: list[Posting] = field(default_factory=list)
    newer: str | None = None
    older: str | None = None


def list_page(by: Actor, chosen: Filter, after: str = "", before: str = "") -> Page:
    """PER_PAGE postings of the actor's subtree, newest first, after (older than) or before (newer than) the one of that code."""
    query = select(Posting).where(Posting.unit_id.in_(units_under(by))).options(joinedload(Posting.unit))
    if chosen.state:
        query = query.where(Posting.state == chosen.state)
    if chosen.kind:
        query = query.where(Posting.kind == chosen.kind)
    place = select(Posting.id).where(Posting.code == (after or before)).scalar_subquery()
    if before:
        rows = list(db.session.scalars(query.where(Posting.id > place).order_by(Posting.id).limit(PER_PAGE + 1)))
        more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE][::-1]
        return Page(rows, rows[0].code if more else None, rows[-1].code if rows else None)
    if after:
        query = query.where(Posting.id < place)
    rows = list(db.session.scalars(query.order_by(Posting.id.desc()).limit(PER_PAGE + 1)))
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    return Page(rows, rows[0].code if after and rows else None, rows[-1].code if more else None)


def own_unit(by: Actor) -> UnionUnit | None:
    """The unit the actor works in."""
    return db.session.get(UnionUnit, by.unit_id) if by.unit_id else None


def draft_of(posting: Posting) -> Draft:
    """What stands in a posting, as it was typed."""
    items = tuple(Item(**{name: getattr(item, name) for name in Item.__dataclass_fields__}) for item in posting.items)
    plain = {name: getattr(posting, name) for name in Draft.__dataclass_fields__ if name != "items"}
    return Draft(**plain, items=items)


def usual_category(by: Actor) -> str:
    """The category of the wish that this person wrote last; empty for their first."""
    query = select(Posting.category).where(Posting.posted_by == by.id, Posting.kind == "wish").order_by(Posting.id.desc()).limit(1)
    return db.session.scalar(query) or ""


def history(posting: Posting) -> list[Row[Event, str]]:
    """Every act on a posting with the name of who did it (None: the portal itself), oldest first."""
    query = (
        select(Event, Account.name)
        .outerjoin(Account, Account.id == Event.actor_id)
        .where(Event.thing_type == "posting", Event.thing_code == posting.code)
        .order_by(Event.id)
    )
    return list(db.session.execute(query).all())


def claims_on(posting: Posting) -> list[Claim]:
    """Every claim of a posting, also those that ended, oldest first."""
    query = select(Claim).where(Claim.posting_id == posting.id).options(joinedload(Claim.enterprise), joinedload(Claim.cover_unit))
    return list(db.session.scalars(query.order_by(Claim.id)))


# -- recipients of a lot -------------------------------------------------------------------------------------------------------------


def recipients_of(posting: Posting) -> list[tuple[Household, str | None]]:
    """The households named for a lot, each with the state of its delivery (None: not planned yet), in order of naming."""
    live = aliased(Delivery, select(Delivery).where(Delivery.posting_id == posting.id, Delivery.state != "reversed").subquery())
    query = (
        select(Household, live.state)
        .join(Recipient, Recipient.household_id == Household.id)
        .outerjoin(live, live.household_id == Household.id)
        .where(Recipient.posting_id == posting.id)
        .options(joinedload(Household.unit))
        .order_by(Recipient.id)
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]


def named(posting: Posting, by: Actor, code: str) -> Household | None:
    """A household on the list of a lot that the actor may see, or None."""
    there = exists().where(Recipient.posting_id == posting.id, Recipient.household_id == Household.id)
    return db.session.scalar(select(Household).where(Household.code == code, there, Household.unit_id.in_(units_under(by))))


def may_be_named(posting: Posting, by: Actor, chosen: household_queries.Filter, today: date) -> Select[Household]:
    """Files of the actor's subtree that may be helped and are not on the list of the lot (rule 1, 先建档、后帮扶)."""
    there = exists().where(Recipient.posting_id == posting.id, Recipient.household_id == Household.id)
    fit = (Household.state == "filed") | ((Household.state == "emergency") & (Household.emergency_due >= today))
    return household_queries.scope(by, chosen).where(fit, ~there)


def candidates(posting: Posting, by: Actor, chosen: household_queries.Filter, today: date, most: int | None = CANDIDATES) -> list[Household]:
    """The first ``most`` of those files (all with None)."""
    query = may_be_named(posting, by, chosen, today).options(joinedload(Household.unit))
    return list(db.session.scalars(query.limit(most) if most else query))


def count_fit(posting: Posting, by: Actor, chosen: household_queries.Filter, today: date) -> int:
    """How many files could be named."""
    query = may_be_named(posting, by, chosen, today).order_by(None).with_only_columns(func.count())
    return db.session.scalar(query) or 0


def by_codes(by: Actor, codes: list[str]) -> tuple[list[Household], list[str]]:
    """The files of the actor's subtree with these codes, in their order, and the codes that none has."""
    wanted = list(dict.fromkeys(codes))
    rows = db.session.scalars(select(Household).where(Household.code.in_(wanted), Household.unit_id.in_(units_under(by))))
    there = {row.code: row for row in rows}
    return [there[code] for code in wanted if code in there], [code for code in wanted if code not in there]


# -- what a household got ------------------------------------------------------------------------------------------------------------


def help_for(household: Household) -> list[dict[str, Any]]:
    """The wishes of a household and the packs it is named for, newest first, each with its progress and, when signed, the sign-off's code."""
    packs = select(Recipient.posting_id).where(Recipient.household_id == household.id)
    postings = db.session.scalars(
        select(Posting).where((Posting.household_id == household.id) | Posting.id.in_(packs)).order_by(Posting.id.desc())
    ).all()
    wanted = [row.id for row in postings]
    claims = {row.posting_id: row for row in db.session.scalars(_claims_that_hold(wanted))}
    signed: dict[int, tuple[str, str | None]] = {
        row[0]: (row[1], row[2])
        for row in db.session.execute(
            select(Delivery.posting_id, Delivery.state, SignOff.code)
            .outerjoin(SignOff, SignOff.delivery_id == Delivery.id)
            .where(Delivery.posting_id.in_(wanted), Delivery.household_id == household.id, Delivery.state != "reversed")
        )
    }
    return [_help(row, claims.get(row.id), *signed.get(row.id, (None, None))) for row in postings]


def _claims_that_hold(posting_ids: list[int]) -> Select[Claim]:
    return select(Claim).where(Claim.posting_id.in_(posting_ids), Claim.kind == "wish", Claim.state.in_(lifecycle.HOLDING))


def _help(posting: Posting, claim: Claim | None, delivery: str | None, sign_off: str | None) -> dict[str, Any]:
    held = claim.state if claim else ("handed_over" if delivery else None)
    return {
        "code": posting.code, "title": posting.title, "latest_day": posting.latest_day, "sign_off": sign_off,
        "progress": lifecycle.public_state(posting.kind, posting.state, held, delivery),
    }  # fmt: skip
