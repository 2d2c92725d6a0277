"""What we ask about goods between the station and the confirmation; every question stays within the asker's subtree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import joinedload

from portal import codes
from portal.accounts.models import Account, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.households.models import Household
from portal.journal import Actor, Event
from portal.policy import allowed
from portal.wishes.delivery_models import Delivery, Inspection, Photo, SignOff
from portal.wishes.models import Claim, PackItem, Posting

PAGE = 40
TO_SIGN = ("planned", "failed", "delivered")
TO_TAKE = ("active", "ready")


@dataclass(frozen=True)
class Listed:
    """One page of a list: its rows, the number of the page, how many pages and rows there are."""

    rows: list[Any]
    page: int
    pages: int
    total: int


def _listed(query: Select[Any], order: Iterable[Any], page: int) -> Listed:
    total = db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, page), pages)
    rows = db.session.scalars(query.order_by(*order).limit(PAGE).offset((page - 1) * PAGE)).all()
    return Listed(list(rows), page, pages, total)


def read_code(text: str) -> str:
    """A public code as typed or scanned, in its one spelling; the text itself, shortened, when it is none."""
    try:
        return codes.public_code(text)
    except codes.CodeError:
        return text.strip().upper()[:20]


def at_the_door(by: Actor, delivery: Delivery) -> bool:
    """Whether the actor delivers for the very union that the household or the delivery belongs to, not somewhere above it."""
    return allowed("delivery.sign", by.roles, True) and by.unit_id in (delivery.household.unit_id, delivery.unit_id)


def shown_name(by: Actor, delivery: Delivery) -> str:
    """The household's name in full for the grassroots union that stands at its door; 周** for everybody above."""
    name = delivery.household.name or ""
    return name if at_the_door(by, delivery) else codes.mask_name(name)


def shown_proxy(by: Actor, delivery: Delivery) -> str:
    """The proxy's name, by the same rule."""
    name = (delivery.sign_off.proxy_name if delivery.sign_off else None) or ""
    return name if at_the_door(by, delivery) else codes.mask_name(name)


def may_open_file(by: Actor, delivery: Delivery) -> bool:
    """Whether the household's file lies in the actor's subtree: a lot may also go to households of a neighbouring union."""
    return allowed("household.read", by.roles, True) and bool(db.session.scalar(units_under(by).where(UnionUnit.id == delivery.household.unit_id)))


# -- the station --------------------------------------------------------------------------------------------------------------------


def _claims(by: Actor) -> Select[Claim]:
    return (
        select(Claim)
        .join(Posting, Posting.id == Claim.posting_id)
        .where(Posting.unit_id.in_(units_under(by)))
        .options(
            joinedload(Claim.posting).joinedload(Posting.unit), joinedload(Claim.posting).joinedload(Posting.campaign),
            joinedload(Claim.enterprise), joinedload(Claim.cover_unit),
        )
    )  # fmt: skip


def to_take(by: Actor, q: str = "", page: int = 1) -> Listed:
    """Claims whose goods the station waits for: those that are ready first, then by the day they are due. ``q``: a code of claim, batch or wish."""
    query = _claims(by).where(Claim.state.in_(TO_TAKE))
    if q:
        code = read_code(q)
        query = query.where(or_(Claim.code == code, Claim.batch == code, Posting.code == code))
    return _listed(query, (case((Claim.state == "ready", 0), else_=1), Claim.deliver_by, Claim.id), page)


def claim_at_station(by: Actor, code: str) -> Claim | None:
    """A claim of the actor's subtree in any state, with what an inspection looks at, or None."""
    return db.session.scalar(_claims(by).where(Claim.code == code))


def inspections(claim: Claim) -> list[tuple[Inspection, str]]:
    """The inspections of a claim's goods with the inspector's name, the first one first."""
    query = select(Inspection, Account.name).join(Account, Account.id == Inspection.by_id).where(Inspection.claim_id == claim.id)
    return [(row, name) for row, name in db.session.execute(query.order_by(Inspection.id))]


@dataclass(frozen=True)
class Shelf:
    """An article with its last day; ``verdict`` is ``gone`` (past its day), ``short`` (ends before the goods are due), ``good`` or "" (no food)."""

    item: PackItem
    until: date | None
    verdict: str


def shelf_life(claim: Claim, today: date) -> list[Shelf]:
    """Every article of the claimed pack against today and the promised day (食品安全法 §34: nothing past its day is given)."""
    found = []
    for item in claim.posting.items:
        until = item.produced_on + timedelta(days=item.shelf_days) if item.food and item.produced_on else None
        verdict = "" if until is None else "gone" if until < today else "short" if until < max(claim.deliver_by, today) else "good"
        found.append(Shelf(item, until, verdict))
    return found


# -- deliveries ---------------------------------------------------------------------------------------------------------------------


def _deliveries(by: Actor) -> Select[Delivery]:
    return (
        select(Delivery)
        .where(Delivery.unit_id.in_(units_under(by)))
        .options(
            joinedload(Delivery.household), joinedload(Delivery.posting), joinedload(Delivery.claim).joinedload(Claim.enterprise),
            joinedload(Delivery.claim).joinedload(Claim.cover_unit), joinedload(Delivery.sign_off),
        )
    )  # fmt: skip


def to_sign(by: Actor, q: str = "", page: int = 1) -> Listed:
    """Deliveries that still lack a signature, by the planned day. ``q``: a code of delivery, claim, wish or household."""
    query = _deliveries(by).where(Delivery.state.in_(TO_SIGN))
    if q:
        query = query.where(_has_code(q))
    return _listed(query, (Delivery.planned_on, Delivery.id), page)


def _has_code(q: str) -> ColumnElement[bool]:
    code = read_code(q)
    return or_(
        Delivery.code == code,
        Delivery.claim_id.in_(select(Claim.id).where(Claim.code == code)),
        Delivery.posting_id.in_(select(Posting.id).where(Posting.code == code)),
        Delivery.household_id.in_(select(Household.id).where(Household.code == q.strip().upper()[:20])),
    )


def unit_name(unit_id: int) -> str:
    """The short name of a union unit."""
    return db.session.scalar(select(UnionUnit.short_name).where(UnionUnit.id == unit_id)) or ""


def account_name(account_id: int | None) -> str:
    """The name of a member of staff; "" for nobody."""
    return (db.session.scalar(select(Account.name).where(Account.id == account_id)) or "") if account_id else ""


def history(delivery: Delivery) -> list[tuple[Event, str]]:
    """Every act on a delivery with the name of who did it, the first one first."""
    query = (
        select(Event, Account.name)
        .outerjoin(Account, Account.id == Event.actor_id)
        .where(Event.thing_type == "delivery", Event.thing_code == delivery.code)
        .order_by(Event.id)
    )
    return [(event, name or "") for event, name in db.session.execute(query)]


def replaced_by(delivery: Delivery) -> str | None:
    """The code of the delivery that was planned when this one was reversed, or None."""
    return db.session.scalar(select(Delivery.code).where(Delivery.replaces_id == delivery.id))


def replaces(delivery: Delivery) -> str | None:
    """The code of the reversed delivery that this one stands for, or None."""
    if delivery.replaces_id is None:
        return None
    return db.session.scalar(select(Delivery.code).where(Delivery.id == delivery.replaces_id))


def photo_of(delivery: Delivery, code: str) -> Photo | None:
    """A photo of this very delivery, or None."""
    query = select(Photo).join(SignOff, SignOff.id == Photo.sign_off_id)
    return db.session.scalar(query.where(Photo.code == code, SignOff.delivery_id == delivery.id))


# -- the second person --------------------------------------------------------------------------------------------------------------


def to_confirm(by: Actor, kind: str = "", page: int = 1) -> Listed:
    """Signed deliveries of the subtree, the oldest first. ``kind``: ``clean`` for bulk, ``look`` for those to be opened one by one."""
    query = _deliveries(by).join(SignOff, SignOff.delivery_id == Delivery.id).where(Delivery.state == "signed")
    if kind in ("clean", "look"):
        query = query.where(SignOff.clean.is_(kind == "clean"))
    return _listed(query, (Delivery.signed_at, Delivery.id), page)


def neighbours_to_confirm(by: Actor, delivery: Delivery) -> tuple[str | None, str | None]:
    """The codes of the signed deliveries before and after this one in the queue, for J and K."""
    place = (Delivery.signed_at, Delivery.id)
    base = select(Delivery.code).where(Delivery.unit_id.in_(units_under(by)), Delivery.state == "signed", Delivery.id != delivery.id)
    if delivery.signed_at is None:
        return None, None
    same = Delivery.signed_at == delivery.signed_at
    before = base.where(or_(Delivery.signed_at < delivery.signed_at, same & (Delivery.id < delivery.id)))
    after = base.where(or_(Delivery.signed_at > delivery.signed_at, same & (Delivery.id > delivery.id)))
    return (
        db.session.scalar(before.order_by(*(column.desc() for column in place)).limit(1)),
        db.session.scalar(after.order_by(*place).limit(1)),
    )


# -- how much waits -----------------------------------------------------------------------------------------------------------------


def count_to_take(by: Actor) -> int:
    """Claims that are ready and wait for the station; those still being prepared are nobody's work here yet."""
    query = select(func.count()).select_from(Claim).join(Posting, Posting.id == Claim.posting_id)
    return db.session.scalar(query.where(Claim.state == "ready", Posting.unit_id.in_(units_under(by)))) or 0


def count_to_sign(by: Actor) -> int:
    """Deliveries of the subtree that still lack a signature."""
    return db.session.scalar(select(func.count()).where(Delivery.state.in_(TO_SIGN), Delivery.unit_id.in_(units_under(by)))) or 0


def count_to_confirm(by: Actor) -> int:
    """Signed deliveries of the subtree that this person may confirm: those in which they have had no part before (rule 6)."""
    others = and_(*(column.is_distinct_from(by.id) for column in (Posting.posted_by, Posting.reviewed_by, Claim.inspected_by, SignOff.deliverer_id)))
    query = (
        select(func.count())
        .select_from(Delivery)
        .join(Posting, Posting.id == Delivery.posting_id)
        .join(Claim, Claim.id == Delivery.claim_id)
        .join(SignOff, SignOff.delivery_id == Delivery.id)
    )
    return db.session.scalar(query.where(Delivery.state == "signed", Delivery.unit_id.in_(units_under(by)), others)) or 0


def count_to_review(by: Actor) -> int:
    """Submitted postings of the subtree that this person has not posted."""
    query = select(func.count()).where(Posting.state == "submitted", Posting.unit_id.in_(units_under(by)), Posting.posted_by != by.id)
    return db.session.scalar(query) or 0
