"""Posting: write, submit, pass, return, withdraw a wish or a lot of packs, and name a lot's recipients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, insert, select

from portal.database import db, utcnow
from portal.households.models import Consent, Household
from portal.journal import Actor, Event, Transaction, transaction
from portal.refusal import Refused
from portal.wishes import lifecycle, shelf, terms
from portal.wishes.categories import CATEGORIES
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Campaign, PackItem, Posting, PostingTerm, Recipient, value_band
from portal.wishes.operations.checking import automatic_checks, findings
from portal.wishes.operations.delivering import plan_waiting
from portal.wishes.queries import by_idem, form_key, local_day


@dataclass(frozen=True)
class Item:
    """One article of a pack as typed; food needs every fact (食品安全法 §67: what a label must say)."""

    name: str
    amount: str = ""
    food: bool = False
    licence: str = ""
    producer: str = ""
    batch: str = ""
    produced_on: date | None = None
    shelf_days: int = 0

    def expires_on(self) -> date | None:
        """The last day it may be eaten, or None when it is no food."""
        return self.produced_on + timedelta(days=self.shelf_days) if self.food and self.produced_on else None


@dataclass(frozen=True)
class Draft:
    """What staff write of a posting. ``value_fen`` is the reference value of one unit."""

    title: str
    category: str
    latest_day: date
    mode: str
    point: str
    spec: str = ""
    public_text: str = ""
    value_fen: int = 0
    quantity: int = 1
    items: tuple[Item, ...] = ()


def helpable(household: Household, today: date) -> None:
    """Rule 1, 先建档、后帮扶: Refused unless the file is approved, or an emergency still within its due date."""
    if household.state == "closed":
        raise Refused("not_filed", "household")
    if household.state == "emergency" and household.emergency_due is not None and household.emergency_due < today:
        raise Refused("emergency_late", "household")


def fit(household: Household, today: date) -> bool:
    """Whether `helpable` has nothing against this household."""
    try:
        helpable(household, today)
    except Refused:
        return False
    return True


def consents(household_id: int) -> bool:
    """Whether the household has agreed to an anonymous wish and not withdrawn it."""
    return bool(
        db.session.scalar(
            select(exists().where(Consent.household_id == household_id, Consent.purpose == "publish_wish", Consent.withdrawn_at.is_(None)))
        )
    )


def check_draft(draft: Draft, campaign: Campaign, today: date) -> None:
    """Refused("past_day") for a day outside the campaign, Refused("food_expired") for food that would not keep until then."""
    if not today <= draft.latest_day <= campaign.ends_on:
        raise Refused("past_day", "latest_day")
    for item in draft.items:
        last = item.expires_on()
        if last is not None and last < draft.latest_day:
            raise Refused("food_expired", "items", name=item.name)


def draft_values(draft: Draft) -> dict[str, Any]:
    """The columns of a posting that a draft fills."""
    return {
        "title": draft.title, "spec": draft.spec, "public_text": draft.public_text, "category": draft.category, "mode": draft.mode,
        "point": draft.point, "latest_day": draft.latest_day, "value_fen": draft.value_fen, "band": value_band(draft.value_fen),
        "quantity": draft.quantity,
    }  # fmt: skip


def create(
    kind: str, draft: Draft, campaign: Campaign, household: Household | None, *, unit_id: int, town: str, by: Actor,
    idem: str | None = None, now: datetime | None = None,
) -> Posting:  # fmt: skip
    """Write a draft of a wish (for one household) or of a lot of packs. The same ``idem`` again returns the first one."""
    now, idem = now or utcnow(), form_key(idem, by, kind)
    if repeated := by_idem(Posting, idem):
        return repeated
    if household is not None:
        helpable(household, local_day(now))
    check_draft(draft, campaign, local_day(now))
    with transaction() as tx:
        posting = Posting(
            code=tx.new_code(Posting, "WX" if kind == "wish" else "NH"), idem=idem, campaign_id=campaign.id, unit_id=unit_id, kind=kind, town=town,
            household_id=household.id if household else None, posted_by=by.id, posted_at=now, checks=[], **draft_values(draft),
        )  # fmt: skip
        posting.items = [PackItem(**vars(item)) for item in draft.items]
        tx.session.add(posting)
        tx.session.flush()
        tx.event("posting.create", posting, by=by, at=now, kind=kind, quantity=draft.quantity, value_fen=draft.value_fen)
    return posting


def amend(posting: Posting, draft: Draft, *, by: Actor, now: datetime | None = None) -> None:
    """Change a draft or a returned posting; while a live claim exists what a claimant relies on is frozen."""
    now = now or utcnow()
    lifecycle.require("posting", "amend", posting.state)
    if posting.claimed:
        raise Refused("frozen")
    check_draft(draft, posting.campaign, local_day(now))
    posting_id, was = posting.id, posting.state
    with transaction() as tx:
        if not shelf.move(tx, posting_id, shelf.Move(was=was, values=draft_values(draft)), Posting.claimed == 0):
            raise Refused("stale_step", thing="posting", step="amend", state=was)
        named = tx.session.scalar(select(func.count()).where(Recipient.posting_id == posting_id)) or 0
        if named > draft.quantity:
            raise Refused("too_many_recipients", "quantity", quantity=draft.quantity, named=named)
        tx.session.execute(delete(PackItem).where(PackItem.posting_id == posting_id))
        tx.session.add_all(PackItem(posting_id=posting_id, **vars(item)) for item in draft.items)
        tx.event("posting.amend", posting, by=by, at=now, value_fen=draft.value_fen)


def _refuse_unfit(posting: Posting, public_text: str, today: date) -> None:
    """Refused while the household may not be helped or has not agreed, or the words hold a number or a name."""
    if posting.household is not None:
        helpable(posting.household, today)
        if not consents(posting.household.id):
            raise Refused("no_consent", "consent")
    if any(finding.severity == "block" for finding in findings(posting.household, f"{posting.title}。{posting.spec}。{public_text}")):
        raise Refused("text_blocked", "public_text")


def submit(posting: Posting, *, by: Actor, now: datetime | None = None) -> None:
    """Send a draft to review with the automatic checks done. Refused while the text holds numbers or names, or consent is missing."""
    now = now or utcnow()
    lifecycle.require("posting", "submit", posting.state)
    _refuse_unfit(posting, posting.public_text, local_day(now))
    checks = automatic_checks(posting, local_day(now))
    posting_id, was = posting.id, posting.state
    with transaction() as tx:
        values = {"checks": checks, "submitted_at": now, "return_reason": "", "return_note": ""}
        if not shelf.move(tx, posting_id, shelf.Move(was=was, to="submitted", values=values)):
            raise Refused("stale_step", thing="posting", step="submit", state=was)
        tx.event("posting.submit", posting, by=by, at=now, checks=checks)


def _other_person(posting: Posting, step: str, by: Actor) -> None:
    """Refused for whoever wrote the posting: began it, changed it, or sent it to review in another's place (rule 6)."""
    if "poster" not in lifecycle.find("posting", step).not_by:
        return
    wrote = select(Event.id).where(
        Event.thing_type == "posting",
        Event.thing_code == posting.code,
        Event.actor_id == by.id,
        Event.action.in_(("posting.amend", "posting.submit")),
    )
    if posting.posted_by == by.id or db.session.scalar(wrote.limit(1)):
        raise Refused("same_person", part="poster")


def approve(posting: Posting, *, by: Actor, text: str | None = None, seen: int | None = None, now: datetime | None = None) -> None:
    """Pass a posting (with ``text``: amend its public text and pass) and put it into the hall. The poster cannot pass their own.

    ``seen`` is the version that the reviewer read: words that were changed since are not passed, Refused("stale_step").
    """
    now = now or utcnow()
    lifecycle.require("posting", "approve", posting.state)
    _other_person(posting, "approve", by)
    final = posting.public_text if text is None else text
    _refuse_unfit(posting, final, local_day(now))  # again: since it was submitted a consent may have been taken back
    first, read = posting.published_at is None, seen or posting.version
    values = {"reviewed_by": by.id, "reviewed_at": now, "public_text": final} | ({"published_at": now} if first else {})
    with transaction() as tx:
        if not shelf.move(tx, posting.id, shelf.Move(was="submitted", to="open", publish=first, values=values), Posting.version == read):
            raise Refused("stale_step", thing="posting", step="approve", state=posting.state)
        tx.session.refresh(posting)
        _index(tx, posting)
        tx.event("posting.approve", posting, by=by, at=now, amended=text is not None)


def _index(tx: Transaction, posting: Posting) -> None:
    """Put the posting's search terms into the index, in place of older ones."""
    category = CATEGORIES[posting.category].label if posting.category in CATEGORIES else ""
    found = terms.terms(posting.title, posting.spec, posting.public_text, posting.town, category, code=posting.code)
    tx.session.execute(delete(PostingTerm).where(PostingTerm.posting_id == posting.id))
    tx.session.execute(insert(PostingTerm), [{"term": term[:24], "posting_id": posting.id} for term in sorted(found)])


def send_back(posting: Posting, reason: str, note: str = "", *, by: Actor, now: datetime | None = None) -> None:
    """Return a posting with a reason; one that is open only while nobody has claimed of it."""
    now = now or utcnow()
    lifecycle.require("posting", "return", posting.state)
    _other_person(posting, "return", by)
    _leave(posting, "return", {"return_reason": reason, "return_note": note, "reviewed_by": by.id, "reviewed_at": now}, by, now, reason)


def withdraw(posting: Posting, note: str = "", *, by: Actor, now: datetime | None = None) -> None:
    """Take a posting back; not while somebody has claimed of it."""
    lifecycle.require("posting", "withdraw", posting.state)
    _leave(posting, "withdraw", {"return_note": note}, by, now or utcnow(), "")


def _leave(posting: Posting, step: str, values: dict[str, object], by: Actor, now: datetime, reason: str) -> None:
    posting_id, was = posting.id, posting.state
    with transaction() as tx:
        change = shelf.Move(was=was, to=lifecycle.find("posting", step).target, values=values)
        if not shelf.move(tx, posting_id, change, Posting.claimed == 0):
            tx.session.refresh(posting)
            if posting.claimed:
                raise Refused("live_claims")
            raise Refused("stale_step", thing="posting", step=step, state=posting.state)
        tx.event(f"posting.{step}", posting, by=by, at=now, reason=reason)


def name_recipients(posting: Posting, households: list[Household], *, by: Actor, now: datetime | None = None) -> int:
    """Name households for packs of a lot, all at once or little by little; returns how many were new.

    Goods that are already at the station get their deliveries planned at once. Refused when a file may not be helped, all are on the list, or
    the lot is too small.
    """
    now = now or utcnow()
    lifecycle.require("posting", "name", posting.state)
    for household in households:
        helpable(household, local_day(now))
    wanted = [household.id for household in households]
    with transaction() as tx:
        tx.session.refresh(posting, with_for_update={"of": Posting})
        lifecycle.require("posting", "name", posting.state)  # again: it may have been withdrawn or closed a moment ago
        named = set(tx.session.scalars(select(Recipient.household_id).where(Recipient.posting_id == posting.id)))
        new = [household_id for household_id in dict.fromkeys(wanted) if household_id not in named]
        if not new:
            raise Refused("recipient_twice", "households")
        if len(named) + len(new) > posting.quantity:
            raise Refused("too_many_recipients", "households", quantity=posting.quantity, named=len(named))
        for household_id in new:
            tx.session.add(Recipient(posting_id=posting.id, household_id=household_id, named_by=by.id, named_at=now))
        tx.session.flush()
        planned = plan_waiting(tx, posting, now)
        tx.event("posting.name", posting, by=by, at=now, named=len(new), planned=planned)
    return len(new)


def unname_recipient(posting: Posting, household: Household, *, by: Actor) -> None:
    """Take a household off a lot's list, as long as its pack is not on the way."""
    with transaction() as tx:
        tx.session.refresh(posting, with_for_update={"of": Posting})
        lifecycle.require("posting", "unname", posting.state)
        served = tx.session.scalar(
            select(exists().where(Delivery.posting_id == posting.id, Delivery.household_id == household.id, Delivery.state != "reversed"))
        )
        if served:
            raise Refused("recipient_served")
        tx.session.execute(delete(Recipient).where(Recipient.posting_id == posting.id, Recipient.household_id == household.id))
        tx.event("posting.unname", posting, by=by)
