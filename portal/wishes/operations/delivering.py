"""From the station to the household: hand-over with inspection, delivery, real-name sign-off, confirmation, reversal."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, update

from portal import policy
from portal.database import utcnow
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused
from portal.vault import installed
from portal.wishes import lifecycle, shelf
from portal.wishes.delivery_models import Delivery, Inspection, Photo, SignOff
from portal.wishes.models import Claim, Posting, Recipient
from portal.wishes.operations import claiming, promise
from portal.wishes.operations.doorstep import Facts, id_tail_matches, problems
from portal.wishes.pictures import Picture
from portal.wishes.queries import by_idem, local_day
from portal.wishes.signature import check_strokes, compact

DELIVER_WITHIN = timedelta(days=3)


# -- the station --------------------------------------------------------------------------------------------------------------------


def hand_over(row: Claim, *, by: Actor, now: datetime | None = None) -> int:
    """Take goods over after inspection and plan a delivery for each household known so far; returns how many were planned."""
    now = now or utcnow()
    with transaction() as tx:
        promise.lock_claimant(tx, row)
        promise.step(tx, row, "hand_over", handed_over_at=now, inspected_by=by.id)
        promise.give_quota(tx, row.enterprise_id, row.quantity)
        tx.session.add(Inspection(claim_id=row.id, accepted=True, by_id=by.id, at=now))
        posting = tx.session.get_one(Posting, row.posting_id, with_for_update=True, populate_existing=True)
        planned = plan_waiting(tx, posting, now)
        tx.event("claim.hand_over", row, by=by, at=now, unit_id=posting.unit_id, posting=posting.code, planned=planned)
    return planned


def refuse_goods(row: Claim, reason: str, *, by: Actor, now: datetime | None = None) -> None:
    """Send goods back with a reason; the claim goes on, its clock unchanged."""
    now = now or utcnow()
    with transaction() as tx:
        promise.step(tx, row, "refuse_goods", ready_at=None)
        tx.session.add(Inspection(claim_id=row.id, accepted=False, reason=reason, by_id=by.id, at=now))
        tx.event("claim.refuse_goods", row, by=by, at=now, unit_id=row.posting.unit_id, posting=row.posting.code)


def plan_waiting(tx: Transaction, posting: Posting, now: datetime) -> int:
    """Plan deliveries for goods at the station and households that have none yet; returns how many.

    A pack never goes to a household of the giver's own employee (慈善法 §40).
    """
    served = list(tx.session.scalars(select(Delivery.household_id).where(Delivery.posting_id == posting.id, Delivery.state != "reversed")))
    if posting.kind == "wish":
        open_households = [posting.household_id] if posting.household_id not in served else []
    else:
        named = select(Recipient.household_id).where(Recipient.posting_id == posting.id).order_by(Recipient.id)
        taken = set(served)
        open_households = [household for household in tx.session.scalars(named) if household not in taken]
    planned = 0
    claims = select(Claim).where(Claim.posting_id == posting.id, Claim.state == "handed_over").order_by(Claim.id)
    for row in tx.session.scalars(claims).all():
        planned += _plan_claim(tx, posting, row, open_households, now)
    tx.session.flush()
    return planned


def _plan_claim(tx: Transaction, posting: Posting, row: Claim, households: list[int | None], now: datetime) -> int:
    has = tx.session.scalar(select(func.count()).where(Delivery.claim_id == row.id, Delivery.state != "reversed")) or 0
    mine = [household for household in households if not claiming.employs(household, row.enterprise_id)][: row.quantity - has]
    for household_id in mine:
        households.remove(household_id)
        tx.session.add(
            Delivery(
                code=tx.new_code(Delivery, "QS"), posting_id=posting.id, claim_id=row.id, household_id=household_id, unit_id=posting.unit_id,
                state="planned", planned_on=local_day(now + DELIVER_WITHIN), misses=0,
            )
        )  # fmt: skip
    return len(mine)


# -- the household ------------------------------------------------------------------------------------------------------------------


def parts_played(delivery: Delivery) -> dict[str, int | None]:
    """Who has done what so far in this wish, by part (rule 6)."""
    return {
        "poster": delivery.posting.posted_by,
        "reviewer": delivery.posting.reviewed_by,
        "inspector": delivery.claim.inspected_by,
        "deliverer": delivery.sign_off.deliverer_id if delivery.sign_off else None,
    }


def different_person(delivery: Delivery, name: str, by: Actor) -> None:
    """Refused("same_person") when the actor has played a part that excludes this step."""
    played = parts_played(delivery)
    for part in lifecycle.find("delivery", name).not_by:
        if played[part] == by.id:
            raise Refused("same_person", part=part)


def possible(delivery: Delivery, by: Actor) -> list[tuple[lifecycle.Step, str]]:
    """The steps that this person's roles may take from here, each with the part they have played that excludes them from it, or ""."""
    played = parts_played(delivery)
    return [
        (step, next((part for part in step.not_by if played[part] == by.id), ""))
        for step in lifecycle.steps_from("delivery", delivery.state)
        if policy.allowed(step.permission, by.roles, by.id is not None)
    ]


def _step(tx: Transaction, delivery: Delivery, name: str, **values: object) -> str:
    step = lifecycle.find("delivery", name)
    # PostgreSQL locks no outer join: "of" leaves out what was loaded together with the row.
    tx.session.refresh(delivery, with_for_update={"of": Delivery})
    was = delivery.state
    if was not in step.sources:
        raise Refused("stale_step", thing="delivery", step=name, state=was)
    if not tx.change(update(Delivery).where(Delivery.id == delivery.id, Delivery.state == was).values(state=step.target, **values)):
        raise Refused("stale_step", thing="delivery", step=name, state=was)
    return was


def deliver(delivery: Delivery, *, by: Actor, now: datetime | None = None) -> None:
    """The goods are at the household, the signature comes later (送达)."""
    now = now or utcnow()
    with transaction() as tx:
        _step(tx, delivery, "deliver", delivered_at=now)
        tx.event("delivery.deliver", delivery, by=by, at=now)


def miss(delivery: Delivery, reason: str, next_on: date, note: str = "", *, by: Actor, now: datetime | None = None) -> None:
    """没签成: a coded reason and a new date; nothing is deleted."""
    now = now or utcnow()
    if next_on < local_day(now):
        raise Refused("miss_day", "next_on")
    with transaction() as tx:
        _step(tx, delivery, "fail", planned_on=next_on, miss_reason=reason, miss_note=note, misses=Delivery.misses + 1)
        tx.event("delivery.fail", delivery, by=by, at=now, reason=reason, next_on=next_on.isoformat())


def sign(delivery: Delivery, facts: Facts, *, by: Actor, idem: str | None = None, now: datetime | None = None) -> SignOff:
    """Record the real-name sign-off; signature, photos and state are one transaction. The same ``idem`` again returns the first one.

    Refused: stale_step, same_person, and whatever ``doorstep.problems`` finds, the first of it.
    """
    now = now or utcnow()
    if repeated := repeat_of(delivery, idem):
        return repeated
    lifecycle.require("delivery", "sign", delivery.state)
    different_person(delivery, "sign", by)
    for problem in problems(delivery, facts, by):
        raise problem
    try:
        with transaction() as tx:
            _step(tx, delivery, "sign", signed_at=now, delivered_at=func.coalesce(Delivery.delivered_at, now))
            row = _sign_off(delivery, facts, by, now)
            row.idem = _idem_key(delivery, idem)
            tx.session.add(row)
            tx.session.flush()
            tx.event(
                "delivery.sign", delivery, by=by, at=now, signer=row.signer, method=row.method, id_matches=row.id_matches, photos=len(row.photos)
            )
    except Refused:
        if repeated := repeat_of(delivery, idem):  # both copies of a doubled form came at once
            return repeated
        raise
    return row


def _idem_key(delivery: Delivery, idem: str | None) -> str | None:
    """The form's key bound to this delivery, of one length whatever was sent."""
    return hashlib.sha256(f"{delivery.code}:{idem}".encode()).hexdigest() if idem else None


def repeat_of(delivery: Delivery, idem: str | None) -> SignOff | None:
    """The sign-off that an earlier copy of the same form made of this delivery, or None."""
    return by_idem(SignOff, _idem_key(delivery, idem))


def _sign_off(delivery: Delivery, facts: Facts, by: Actor, now: datetime) -> SignOff:
    matches = id_tail_matches(delivery.household, facts.id_tail)
    method, proxy = "drawn" if facts.strokes else "slip", facts.signer == "proxy"
    row = SignOff(
        code=delivery.code, delivery_id=delivery.id, signer=facts.signer, proxy_relation=facts.proxy_relation if proxy else "",
        proxy_reason=facts.proxy_reason if proxy else "", id_matches=matches, method=method, goods_complete=True, place=facts.place,
        witness=facts.witness, deliverer_id=by.id, signed_at=now, clean=matches and not proxy and method == "drawn",
    )  # fmt: skip
    row.proxy_name = facts.proxy_name if proxy else None
    row.strokes = compact(check_strokes(facts.strokes)) if facts.strokes else None
    row.photos = [_photo(row, number, kind, picture) for number, (kind, picture) in enumerate(facts.photos, start=1)]
    return row


def _photo(row: SignOff, number: int, kind: str, picture: Picture) -> Photo:
    code = f"{row.code}-{number}"
    sealed = installed().seal_bytes(picture.data, f"photo.data:{code}")
    return Photo(code=code, kind=kind, width=picture.width, height=picture.height, data_sealed=sealed)


def open_photo(photo: Photo) -> bytes:
    """The JPEG of a photo."""
    return installed().open_bytes(photo.data_sealed, f"photo.data:{photo.code}")


# -- the second person --------------------------------------------------------------------------------------------------------------


def confirm(delivery: Delivery, *, by: Actor, now: datetime | None = None) -> None:
    """A second person confirms a sign-off; only now is the unit fulfilled (已圆梦)."""
    now = now or utcnow()
    lifecycle.require("delivery", "confirm", delivery.state)
    different_person(delivery, "confirm", by)
    with transaction() as tx:
        _step(tx, delivery, "confirm", confirmed_at=now, confirmed_by=by.id)
        _count(tx, delivery, +1, now)
        tx.event("delivery.confirm", delivery, by=by, at=now)


def _count(tx: Transaction, delivery: Delivery, units: int, now: datetime) -> None:
    """Carry a confirmed (or reversed) unit to its claim and posting."""
    claim = tx.session.get_one(Claim, delivery.claim_id, with_for_update=promise.NO_KEY, populate_existing=True)
    claim.delivered += units
    whole = claim.delivered == claim.quantity
    claim.state, claim.fulfilled_at = ("fulfilled", now) if whole else ("handed_over", None)
    tx.session.flush()
    posting = tx.session.get_one(Posting, delivery.posting_id, with_for_update=True, populate_existing=True)
    done = posting.state == "open" and posting.fulfilled + units == posting.quantity
    reopened = posting.state == "closed" and units < 0
    change = shelf.Move(
        was=posting.state, to="closed" if done else "open" if reopened else "", fulfilled=units,
        covered_fulfilled=units if claim.unit_id is not None else 0,
    )  # fmt: skip
    if not shelf.move(tx, posting.id, change):
        raise Refused("stale_step", thing="posting", step="confirm", state=posting.state)


def reverse(delivery: Delivery, reason: str, *, by: Actor, now: datetime | None = None) -> Delivery:
    """冲正: a signed record is never edited; it is reversed with a reason and its delivery planned anew. Returns the new delivery."""
    now = now or utcnow()
    lifecycle.require("delivery", "reverse", delivery.state)
    different_person(delivery, "reverse", by)
    with transaction() as tx:
        was = _step(tx, delivery, "reverse", reversed_at=now, reverse_reason=reason)
        if was == "confirmed":
            _count(tx, delivery, -1, now)
        anew = Delivery(
            code=tx.new_code(Delivery, "QS"), posting_id=delivery.posting_id, claim_id=delivery.claim_id, household_id=delivery.household_id,
            unit_id=delivery.unit_id, state="planned", planned_on=local_day(now), misses=0, replaces_id=delivery.id,
        )  # fmt: skip
        tx.session.add(anew)
        tx.session.flush()
        tx.event("delivery.reverse", delivery, by=by, at=now, was=was, anew=anew.code)
    return anew
