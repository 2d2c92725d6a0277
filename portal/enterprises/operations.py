"""What we do with an enterprise: it registers itself, staff approve, refuse, suspend and reinstate it; its contact keeps the profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.accounts.models import Account, RoleGrant
from portal.accounts.operations import acceptable_username, hash_password
from portal.codes import credit_code, is_union_credit_code, new_code
from portal.codes import phone as phone_number
from portal.database import utcnow
from portal.enterprises.models import Enterprise
from portal.enterprises.queries import vetting_unit
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused

STEPS: dict[str, tuple[frozenset[str], str]] = {
    "approve": (frozenset({"pending", "refused"}), "approved"),
    "refuse": (frozenset({"pending"}), "refused"),
    "suspend": (frozenset({"approved"}), "suspended"),
    "reinstate": (frozenset({"suspended"}), "approved"),
}
"""step: (from these states, to this state). A suspended enterprise keeps its running claims; it may only not make new ones."""
PURPOSES = ("goods", "verify", "thanks")


@dataclass(frozen=True)
class Registration:
    """What an enterprise says of itself. Raises CodeError when the credit code or the phone is not one."""

    credit_code: str
    name: str
    short_name: str
    town: str
    contact_name: str
    contact_phone: str
    public_name: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "credit_code", credit_code(self.credit_code))
        object.__setattr__(self, "contact_phone", phone_number(self.contact_phone))


def register(facts: Registration, username: str, password: str, *, now: datetime | None = None) -> Enterprise:
    """A new enterprise, waiting for approval, and the account of its contact, which works at once.

    Refused: credit_union (codes from 81 belong to unions), credit_taken, username_form, username_taken, password_….
    """
    if is_union_credit_code(facts.credit_code):
        raise Refused("credit_union", "credit_code")
    now, name, hashed = now or utcnow(), acceptable_username(username), hash_password(password)
    try:
        with transaction() as tx:
            _refuse_doubles(tx, facts.credit_code, name)
            row = Enterprise(
                code=new_code("QY"), credit_code=facts.credit_code, name=facts.name, short_name=facts.short_name, town=facts.town, state="pending",
                unit_id=vetting_unit(facts.town).id, contact_name=facts.contact_name, public_name=facts.public_name, open_claims=0, registered_at=now,
            )  # fmt: skip
            row.contact_phone = facts.contact_phone
            tx.session.add(row)
            tx.session.flush()
            contact = Account(
                code=new_code("RY"), username=name, name=facts.contact_name, password_hash=hashed, enterprise_id=row.id, created_at=now,
                grants=[RoleGrant(role="contact")],
            )  # fmt: skip
            tx.session.add(contact)
            tx.session.flush()
            tx.event("enterprise.register", row, by=Actor(contact.id, contact.name), at=now, account=contact.code, consent=facts.public_name)
    except IntegrityError:  # the same at the same moment: the constraints have the last word
        raise Refused("credit_taken", "credit_code") from None
    return row


def _refuse_doubles(tx: Transaction, credit: str, username: str) -> None:
    if tx.session.scalar(select(Enterprise.id).where(Enterprise.credit_code == credit)):
        raise Refused("credit_taken", "credit_code")
    if tx.session.scalar(select(Account.id).where(Account.username == username)):
        raise Refused("username_taken", "username")


def decide(row: Enterprise, step: str, reason: str = "", *, by: Actor, now: datetime | None = None) -> None:
    """Approve, refuse, suspend or reinstate, in one conditional UPDATE. Refused("stale_step") when somebody else was first.

    ``reason`` is shown to the enterprise, never to others; the event only tells that there was one.
    """
    sources, target = STEPS[step]
    now = now or utcnow()
    with transaction() as tx:
        moved = tx.session.scalar(
            update(Enterprise)
            .where(Enterprise.id == row.id, Enterprise.state.in_(sources))
            .values(state=target, state_reason=reason, decided_at=now, decided_by=by.id)
            .returning(Enterprise.id)
            .execution_options(synchronize_session=False)
        )
        tx.session.refresh(row)
        if moved is None:
            raise Refused("stale_step", thing="enterprise", state=row.state)
        tx.event(f"enterprise.{step}", row, by=by, at=now, state=target)


def set_quota(row: Enterprise, quota: int | None, *, by: Actor, now: datetime | None = None) -> None:
    """How many units may be under way at the same time for this enterprise; None: the campaign's quota. Running claims stay."""
    with transaction() as tx:
        tx.hold(row)
        was, row.quota = row.quota, quota
        tx.event("enterprise.quota", row, by=by, at=now, was=was, quota=quota)


def change_profile(row: Enterprise, contact_name: str, contact_phone: str, public_name: bool, *, by: Actor, now: datetime | None = None) -> None:
    """The contact's name and phone, and the consent to be named on the honour wall. CodeError when the phone is not one."""
    number = phone_number(contact_phone)
    with transaction() as tx:
        tx.hold(row)
        facts: dict[str, Any] = {"contact_name": contact_name, "contact_phone": number, "public_name": public_name}
        changed = [name for name, value in facts.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, facts[name])
        consent = {"consent": public_name} if "public_name" in changed else {}
        tx.event("enterprise.profile", row, by=by, at=now, fields=changed, **consent)


def reveal_phone(row: Enterprise, purpose: str, *, by: Actor) -> str:
    """The contact's whole phone number for one purpose of PURPOSES (KeyError otherwise); the event tells who looked and why."""
    if purpose not in PURPOSES:
        raise KeyError(purpose)
    with transaction() as tx:
        shown = row.contact_phone or ""
        tx.event("enterprise.reveal", row, by=by, field="contact_phone", purpose=purpose)
    return shown
