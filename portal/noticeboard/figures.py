"""THE definitions of the published numbers (口径), counted from the rows. Nothing here reads a household: distinct ids are counted, no more.

发布数 published: units ever published in [from, to), also those later withdrawn or expired.
认领数 claimed: of them, units that at the cut-off have a live or fulfilled claim; 工会兜底 covered is the part held by a union unit.
圆梦数 fulfilled: units signed in [from, to) and confirmed, by time of sign-off, whenever they were published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.wishes.delivery_models import Delivery
from portal.wishes.lifecycle import HOLDING
from portal.wishes.models import Campaign, Claim, Posting, Tally

VERSION = "2026-1"
"""Version of these definitions; every publication keeps the one it was counted by."""
KINDS = ("wish", "pack")
CELL = (Posting.kind, Posting.category, Posting.town)
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Figures:
    """Units of one cell or total. ``earlier`` is the part of ``fulfilled`` that was published before the period began."""

    published: int = 0
    claimed: int = 0
    fulfilled: int = 0
    covered: int = 0
    covered_fulfilled: int = 0
    earlier: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def rates(self) -> dict[str, str]:
        """认领率 claim, 圆梦率 fulfil, 兑现率 keep in per cent with one decimal; "" where there is nothing to divide by.

        Units published before the period would put numerator and denominator into different periods: then there is no rate.
        """
        pairs = {"claim": (self.claimed, self.published), "fulfil": (self.fulfilled, self.published), "keep": (self.fulfilled, self.claimed)}
        return {name: rate(part, whole) if name == "claim" or not self.earlier else "" for name, (part, whole) in pairs.items()}


def rate(part: int, whole: int) -> str:
    """Per cent with one decimal, half up; "" for a denominator of 0."""
    return str((Decimal(part) * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)) if whole else ""


@dataclass(frozen=True)
class Period:
    """[start, end): a unit at ``start`` counts, a unit at ``end`` does not. None is without bound."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, column: Any) -> ColumnElement[bool]:
        """The condition that a moment lies in the period."""
        bounds = [column.is_not(None)]
        if self.start is not None:
            bounds.append(column >= self.start)
        if self.end is not None:
            bounds.append(column < self.end)
        return and_(*bounds)


@dataclass(frozen=True)
class Count:
    """The figures of a campaign by cell (kind, category, town), with what cannot be added up: 家, 户; and fen."""

    cells: dict[Key, Figures] = field(default_factory=dict)
    enterprises: int = 0
    households: int = 0
    value_fen: int = 0

    def total(self, kind: str) -> Figures:
        """All units of wishes or of packs."""
        return sum((cell for key, cell in self.cells.items() if key[0] == kind), Figures())

    def by(self, place: int, kind: str) -> dict[str, Figures]:
        """Figures by category (place 1) or by town (place 2), in the order of the names."""
        found: dict[str, Figures] = {}
        for key, cell in sorted(self.cells.items()):
            if key[0] == kind:
                found[key[place]] = found.get(key[place], Figures()) + cell
        return found


def count(campaign: Campaign, period: Period | None = None, at: datetime | None = None) -> Count:
    """Count from the rows, as they stand at ``at`` (now, when not given). Five queries, whatever the size."""
    period, at = period or Period(), at or utcnow()
    delivered = (
        Posting.campaign_id == campaign.id, Delivery.state == "confirmed", Delivery.confirmed_at <= at, period.holds(Delivery.signed_at)
    )  # fmt: skip
    published = (Posting.campaign_id == campaign.id, Posting.published_at <= at, period.holds(Posting.published_at))
    held = (*published, Claim.state.in_(HOLDING), Claim.claimed_at <= at)
    cells: dict[Key, Figures] = {}
    value = 0
    for query in (_published(published), _claimed(held)):
        _add(cells, db.session.execute(query.group_by(*CELL)).mappings())
    for row in db.session.execute(_fulfilled(delivered, period).group_by(*CELL)).mappings():
        value += int(row["value_fen"])
        _add(cells, [row])
    return Count(
        cells,
        db.session.scalar(_join(select(func.count(Claim.enterprise_id.distinct()))).where(*held)) or 0,
        db.session.scalar(_deliveries(select(func.count(Delivery.household_id.distinct()))).where(*delivered)) or 0,
        value,
    )


def _add(cells: dict[Key, Figures], rows: Iterable[Any]) -> None:
    for row in rows:
        key = (row["kind"], row["category"], row["town"])
        more = Figures(**{one.name: int(row.get(one.name) or 0) for one in fields(Figures)})
        cells[key] = cells.get(key, Figures()) + more


def _join(query: Any) -> Any:
    return query.select_from(Claim).join(Posting, Posting.id == Claim.posting_id)


def _deliveries(query: Any) -> Any:
    return query.select_from(Delivery).join(Posting, Posting.id == Delivery.posting_id)


def _published(where: tuple[ColumnElement[bool], ...]) -> Any:
    return select(*CELL, func.sum(Posting.quantity).label("published")).where(*where)


def _claimed(where: tuple[ColumnElement[bool], ...]) -> Any:
    covered = case((Claim.unit_id.is_not(None), Claim.quantity), else_=0)
    return _join(select(*CELL, func.sum(Claim.quantity).label("claimed"), func.sum(covered).label("covered"))).where(*where)


def _fulfilled(where: tuple[ColumnElement[bool], ...], period: Period) -> Any:
    earlier = case((Posting.published_at < period.start, 1), else_=0) if period.start is not None else 0
    sums: dict[str, Any] = {
        "fulfilled": func.count(Delivery.id), "covered_fulfilled": func.count(Claim.unit_id), "earlier": func.sum(earlier),
        "value_fen": func.sum(Posting.value_fen),
    }  # fmt: skip
    query = _deliveries(select(*CELL, *(value.label(name) for name, value in sums.items())))
    return query.join(Claim, Claim.id == Delivery.claim_id).where(*where)


# -- kept figures and the honour wall -------------------------------------------------------------------------------------------------


def live(campaign_id: int) -> dict[str, Figures]:
    """Totals by kind from the kept tally, for the page that is always current. One query over a few hundred rows."""
    names = ("published", "claimed", "fulfilled", "covered", "covered_fulfilled")
    query = select(Tally.kind, *(func.sum(getattr(Tally, name)).label(name) for name in names))
    rows = db.session.execute(query.where(Tally.campaign_id == campaign_id).group_by(Tally.kind))
    return {kind: Figures() for kind in KINDS} | {row.kind: Figures(**{name: int(getattr(row, name)) for name in names}) for row in rows}


@dataclass(frozen=True)
class Honour:
    """An enterprise and what of its claims was fulfilled; ``public`` is its consent to be named."""

    code: str
    name: str
    public: bool
    wishes: int
    packs: int


def honours(campaign: Campaign, period: Period | None = None, at: datetime | None = None) -> list[Honour]:
    """爱心榜: enterprises with fulfilled units in the period, in the order of their first claim (of those that count); never by amount."""
    period, at = period or Period(), at or utcnow()
    units = {kind: func.sum(case((Posting.kind == kind, 1), else_=0)) for kind in KINDS}
    first = (
        select(func.min(Claim.claimed_at)).join(Posting, Posting.id == Claim.posting_id)
        .where(Claim.enterprise_id == Enterprise.id, Posting.campaign_id == campaign.id, Claim.state.in_(HOLDING)).scalar_subquery()
    )  # fmt: skip
    query = (
        _deliveries(select(Enterprise.code, Enterprise.short_name, Enterprise.public_name, units["wish"], units["pack"]))
        .join(Claim, Claim.id == Delivery.claim_id)
        .join(Enterprise, Enterprise.id == Claim.enterprise_id)
        .where(
            Posting.campaign_id == campaign.id, Delivery.state == "confirmed", Delivery.confirmed_at <= at, period.holds(Delivery.signed_at)
        )
        .group_by(Enterprise.id, Enterprise.code, Enterprise.short_name, Enterprise.public_name)
        .order_by(first, Enterprise.id)
    )  # fmt: skip
    return [Honour(code, name, public, int(wishes), int(packs)) for code, name, public, wishes, packs in db.session.execute(query)]


def as_json(campaign: Campaign) -> dict[str, Any]:
    """The whole campaign as it stands now, for staff (not for publishing: small cells are not merged)."""
    at = utcnow()
    found = count(campaign, at=at)
    kinds = {
        kind: asdict(found.total(kind)) | {"rates": found.total(kind).rates()}
        | {name: {key: asdict(value) for key, value in found.by(place, kind).items()} for place, name in ((1, "by_category"), (2, "by_town"))}
        for kind in KINDS
    }  # fmt: skip
    return {
        "campaign": campaign.code, "name": campaign.name, "data_at": at.isoformat(), "definitions": VERSION, **kinds,
        "enterprises": found.enterprises, "households": found.households, "value_fen": found.value_fen,
    }  # fmt: skip
