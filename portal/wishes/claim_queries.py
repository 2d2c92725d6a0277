"""What an enterprise's pages of its basket and claims ask: everything leaves here as dicts with an allow-list, never as a household."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select
from sqlalchemy.orm import joinedload

from portal.database import db
from portal.enterprises.models import Enterprise
from portal.journal import Actor
from portal.wishes.categories import CATEGORIES
from portal.wishes.delivery_models import Delivery
from portal.wishes.lifecycle import HOLDING, steps_from
from portal.wishes.models import BasketLine, Campaign, Claim, Posting
from portal.wishes.operations.claiming import employs
from portal.wishes.operations.promise import clock_of
from portal.wishes.queries import local_day

PER_PAGE = 50
STAGES = {
    "live": ("active", "ready", "handed_over"),
    "waiting": ("waiting",),
    "fulfilled": ("fulfilled",),
    "ended": ("released", "lapsed", "revoked"),
}
DUE = case((Claim.state == "active", Claim.ready_by), else_=Claim.deliver_by)
_SHOWN = (joinedload(Claim.posting).joinedload(Posting.unit), joinedload(Claim.posting).joinedload(Posting.campaign))


def offer_of(posting: Posting, today: date) -> dict[str, Any]:
    """What an enterprise may see of a posting, with the two days that a claim made today would have."""
    ready_by, deliver_by = clock_of(posting.campaign, posting.latest_day, today)
    category, unit = CATEGORIES.get(posting.category), posting.unit
    return {
        "code": posting.code, "kind": posting.kind, "title": posting.title, "spec": posting.spec, "text": posting.public_text,
        "category": posting.category, "seal": category.seal if category else "", "seal_kind": category.kind if category else "goods",
        "value_fen": posting.value_fen, "latest_day": posting.latest_day, "mode": posting.mode, "point": posting.point, "town": posting.town,
        "unit": unit.short_name, "address": unit.station_address, "phone": unit.station_phone,
        "quantity": posting.quantity, "left": posting.left, "state": posting.state, "ready_by": ready_by, "deliver_by": deliver_by,
    }  # fmt: skip


def claim_view(row: Claim, today: date) -> dict[str, Any]:
    """What an enterprise may see of its own claim: the promise, its days, and the posting as offer_of() shows it."""
    due = row.ready_by if row.state == "active" else row.deliver_by if row.state == "ready" else None
    return {
        "code": row.code, "state": row.state, "quantity": row.quantity, "delivered": row.delivered, "batch": row.batch,
        "claimed_at": row.claimed_at, "ready_by": row.ready_by, "deliver_by": row.deliver_by, "ready_at": row.ready_at,
        "handed_over_at": row.handed_over_at, "fulfilled_at": row.fulfilled_at, "ended_at": row.ended_at,
        "reason": row.end_reason if row.state in ("released", "revoked") else "",
        "due": due, "days": (due - today).days if due else None, "soon": bool(due and due - today <= timedelta(days=row.posting.campaign.remind_days)),
        "steps": frozenset(step.name for step in steps_from("claim", row.state) if step.permission == "claim.own"),
        "on_paper": row.state in HOLDING, "offer": offer_of(row.posting, today),
    }  # fmt: skip


# -- the basket ---------------------------------------------------------------------------------------------------------------------


def basket_lines(by: Actor, today: date) -> list[dict[str, Any]]:
    """The basket's lines, the most urgent first; ``gone`` is a refusal code when the line can no longer be claimed."""
    query = (
        select(BasketLine)
        .join(Posting, Posting.id == BasketLine.posting_id)
        .where(BasketLine.enterprise_id == by.enterprise_id)
        .options(joinedload(BasketLine.posting).joinedload(Posting.unit), joinedload(BasketLine.posting).joinedload(Posting.campaign))
        .order_by(Posting.latest_day, Posting.id)
    )
    return [
        offer_of(line.posting, today) | {"wanted": line.quantity, "gone": _gone(line.posting, today), "short": line.quantity > line.posting.left}
        for line in db.session.scalars(query)
    ]


def _gone(posting: Posting, today: date) -> str:
    if posting.state != "open":
        return "not_open"
    if posting.campaign.claims_until < today:
        return "campaign_over"
    if posting.latest_day < today:
        return "too_late"
    if posting.left < 1:
        return "already_claimed" if posting.kind == "wish" else "pack_gone"
    return ""


def by_place(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines grouped by where they are handed over, the earliest day first: {mode, point, unit, address, phone, deliver_by, ready_by, lines}."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in lines:
        key = (line["mode"], line["point"], line["unit"])
        group = groups.setdefault(key, {name: line[name] for name in ("mode", "point", "unit", "address", "phone")} | {"lines": []})
        group["lines"].append(line)
    for group in groups.values():
        group["deliver_by"] = min(line["deliver_by"] for line in group["lines"])
        group["ready_by"] = min(line["ready_by"] for line in group["lines"])
    return sorted(groups.values(), key=lambda group: group["deliver_by"])


# -- before the claim ---------------------------------------------------------------------------------------------------------------


def claimant(by: Actor) -> Enterprise | None:
    """The actor's own enterprise."""
    return db.session.get(Enterprise, by.enterprise_id) if by.enterprise_id else None


def hindrance(posting: Posting, by: Actor, today: date) -> tuple[str, dict[str, Any]] | None:
    """The refusal (code, parameters) that a claim would meet now, or None: said on the check page, before anything is typed."""
    enterprise = claimant(by)
    if enterprise is None or enterprise.state in ("pending", "refused"):
        return "not_approved", {}
    if enterprise.state == "suspended":
        return "suspended", {"phone": "12351"}
    if code := _gone(posting, today):
        mine = own_claim(posting, by) if code in ("already_claimed", "pack_gone", "not_open") else None
        return ("already_yours" if mine else code), {}
    return ("own_employee", {}) if employs(posting.household_id, by.enterprise_id) else None


def own_claim(posting: Posting, by: Actor) -> str | None:
    """Code of the claim by which the actor's enterprise holds units of this posting or waits for them, or None."""
    states = ("waiting", *HOLDING)
    query = select(Claim.code).where(Claim.posting_id == posting.id, Claim.enterprise_id == by.enterprise_id, Claim.state.in_(states))
    return db.session.scalar(query.order_by(Claim.id.desc()).limit(1))


def titles(codes: list[str]) -> dict[str, str]:
    """Titles of published postings by their codes."""
    shown = Posting.published_at.is_not(None)
    return dict(db.session.execute(select(Posting.code, Posting.title).where(Posting.code.in_(codes), shown)).all()) if codes else {}


def waiting_for(posting: Posting) -> int:
    """How many stand in line for a posting."""
    return db.session.scalar(select(func.count()).where(Claim.posting_id == posting.id, Claim.state == "waiting")) or 0


# -- the enterprise's claims --------------------------------------------------------------------------------------------------------


def _mine(by: Actor) -> Select[Claim]:
    return select(Claim).where(Claim.enterprise_id == by.enterprise_id).options(*_SHOWN)


def batch_of(by: Actor, batch: str, today: date) -> list[dict[str, Any]]:
    """The claims that one check page made."""
    return [claim_view(row, today) for row in db.session.scalars(_mine(by).where(Claim.batch == batch).order_by(Claim.deliver_by, Claim.id))]


def claims_of(by: Actor, stage: str, page: int, today: date) -> list[dict[str, Any]]:
    """One page of the enterprise's claims in a stage (a key of STAGES); one more than PER_PAGE when there is a next page.

    Due soonest first, what is with the union after it; finished ones newest first.
    """
    order = (Claim.state == "handed_over", DUE, Claim.id) if stage == "live" else (Claim.id.desc(),)
    query = _mine(by).where(Claim.state.in_(STAGES[stage])).order_by(*order).limit(PER_PAGE + 1).offset((page - 1) * PER_PAGE)
    return [claim_view(row, today) for row in db.session.scalars(query)]


def stage_counts(by: Actor) -> dict[str, int]:
    """How many claims the enterprise has in each stage."""
    query = select(Claim.state, func.count()).where(Claim.enterprise_id == by.enterprise_id).group_by(Claim.state)
    found = {state: count for state, count in db.session.execute(query)}
    return {stage: sum(found.get(state, 0) for state in states) for stage, states in STAGES.items()}


# Asked on every page of an enterprise, so it is built once.
_DUE_SOON = (
    select(DUE.label("due"), Campaign.remind_days, func.count())
    .join(Posting, Posting.id == Claim.posting_id)
    .join(Campaign, Campaign.id == Posting.campaign_id)
    .where(Claim.enterprise_id == bindparam("enterprise"), Claim.state.in_(("active", "ready")))
    .group_by(DUE, Campaign.remind_days)
)


def due_soon(by: Actor, today: date) -> int:
    """How many claims have a promised day within the campaign's reminder days, or behind them."""
    rows = db.session.execute(_DUE_SOON, {"enterprise": by.enterprise_id})
    return sum(count for due, days, count in rows if due <= today + timedelta(days=days))


def progress_of(row: Claim) -> dict[str, Any]:
    """How far the goods of a claim are: units delivered, signed, confirmed, and the last day of each. Days only, nothing of who signed."""
    query = (
        select(Delivery.state, func.count(), func.max(Delivery.delivered_at), func.max(Delivery.signed_at), func.max(Delivery.confirmed_at))
        .where(Delivery.claim_id == row.id, Delivery.state != "reversed")
        .group_by(Delivery.state)
    )
    rows = db.session.execute(query).all()
    return {
        "planned": sum(found[1] for found in rows),
        "signed": sum(found[1] for found in rows if found[0] in ("signed", "confirmed")),
        "confirmed": sum(found[1] for found in rows if found[0] == "confirmed"),
        "signed_on": max((local_day(found[3]) for found in rows if found[3] and found[0] in ("signed", "confirmed")), default=None),
        "confirmed_on": max((local_day(found[4]) for found in rows if found[4] and found[0] == "confirmed"), default=None),
    }
