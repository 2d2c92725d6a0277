"""What we do with a file: open it, change it, its members, its consents, and a look at what is masked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import Select, delete, exists, select, update
from sqlalchemy.exc import IntegrityError

from portal.codes import new_code, resident_id
from portal.database import db, utcnow
from portal.households.models import CONSENTS, Consent, Household, Member
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused

CONSENT_TEXT = "2026-1"
"""Edition of the consent text that is read out and signed today."""
CHANNELS = ("paper", "counter", "phone")
REVEALED = ("id_no", "phone", "address", "bank_card", "member")
PURPOSES = ("deliver", "verify", "form", "help")
PERSONAL = ("name", "id_no", "phone", "address", "bank_card", "employer")


@dataclass(frozen=True)
class Relative:
    """A member of the family as typed. ``relation`` is a key of ``wording.LABELS["family"]``."""

    name: str
    relation: str
    birth_year: int | None = None
    school: str = ""
    employer: str = ""
    employer_credit_code: str = ""


@dataclass(frozen=True)
class Facts:
    """What staff write into a file. ``emergency_due`` belongs to state ``emergency``; codes are already checked and normalised."""

    name: str
    sex: str
    id_no: str
    phone: str
    address: str
    town: str
    hardship: str
    cause: str
    people: int = 1
    bank_card: str = ""
    employer: str = ""
    employer_credit_code: str = ""
    state: str = "filed"
    emergency_due: date | None = None
    visited_on: date | None = None


def _write(row: Household, facts: Facts) -> None:
    for name in (column.name for column in fields(Facts)):
        if name != "emergency_due":
            setattr(row, name, getattr(facts, name))
    row.emergency_due = facts.emergency_due if facts.state == "emergency" else None
    row.birth_year = resident_id(facts.id_no).born.year


def _taken(tx: Transaction, id_no: str, but: int | None = None) -> bool:
    query = select(Household.id).where(Household.id_no.equals(id_no))
    return bool(tx.session.scalar(select(exists(query.where(Household.id != but) if but else query))))


def _member(relative: Relative) -> Member:
    row = Member(code=new_code("CY"), relation=relative.relation, birth_year=relative.birth_year, employer_credit_code=relative.employer_credit_code)
    row.name, row.school, row.employer = relative.name, relative.school, relative.employer
    return row


def open_file(facts: Facts, members: tuple[Relative, ...] = (), *, by: Actor, now: datetime | None = None) -> Household:
    """Open a file in the actor's unit. Refused("id_taken") when the ID number has one, in whatever union: nothing is said of the other file."""
    now = now or utcnow()
    try:
        with transaction() as tx:
            if _taken(tx, facts.id_no):
                raise Refused("id_taken", "id_no")
            row = Household(code=tx.new_code(Household, f"KN-{now.year}"), unit_id=by.unit_id, filed_at=now, filed_by=by.id)
            _write(row, facts)
            row.members = [_member(relative) for relative in members]
            tx.session.add(row)
            tx.session.flush()
            tx.event("household.open", row, by=by, at=now, state=facts.state, members=len(members))
    except IntegrityError:  # another clerk opened it at the same moment: the unique index has the last word
        raise Refused("id_taken", "id_no") from None
    return row


def amend_file(household: Household, facts: Facts, *, by: Actor) -> list[str]:
    """Change a file; returns the names of the fields that changed, which alone the event keeps."""
    household_id = household.id
    try:
        with transaction() as tx:
            row = tx.session.get_one(Household, household_id, with_for_update=True, populate_existing=True)
            if _taken(tx, facts.id_no, but=household_id):
                raise Refused("id_taken", "id_no")
            changed = [column.name for column in fields(Facts) if (getattr(row, column.name) or "") != (getattr(facts, column.name) or "")]
            _write(row, facts)
            tx.session.flush()
            tx.event("household.amend", row, by=by, fields=changed)
    except IntegrityError:
        raise Refused("id_taken", "id_no") from None
    return changed


def add_member(household: Household, relative: Relative, *, by: Actor) -> Member:
    """Add a member of the family. Refused("member_there") when the file has this person already, by name and relation."""
    with transaction() as tx:
        tx.hold(household)
        there = tx.session.scalars(select(Member).where(Member.household_id == household.id, Member.relation == relative.relation))
        if any(member.name == relative.name for member in there):  # also the same form sent twice
            raise Refused("member_there", "name")
        row = _member(relative)
        row.household_id = household.id
        tx.session.add(row)
        tx.session.flush()
        tx.event("household.add_member", household, by=by, member=row.code)
    return row


def remove_member(household: Household, code: str, *, by: Actor) -> None:
    """Take a member out of the file; Refused("member_gone") when somebody else did."""
    with transaction() as tx:
        gone = delete(Member).where(Member.household_id == household.id, Member.code == code).returning(Member.id)
        if not tx.session.scalars(gone.execution_options(synchronize_session=False)).all():
            raise Refused("member_gone")
        tx.session.expire(household, ["members"])
        tx.event("household.remove_member", household, by=by, member=code)


def give_consent(household: Household, purpose: str, channel: str, *, by: Actor, now: datetime | None = None) -> Consent:
    """Record that the household agreed (个人信息保护法 §14). While a consent holds, the same again returns it and leaves no event.

    KeyError for a purpose or a way that is not in the lists.
    """
    if purpose not in CONSENTS or channel not in CHANNELS:
        raise KeyError(purpose)
    now = now or utcnow()
    held = db.session.scalar(_held(household, purpose))
    if held is not None:
        return held
    with transaction() as tx:
        row = Consent(household_id=household.id, purpose=purpose, text_version=CONSENT_TEXT, channel=channel, given_at=now, recorded_by=by.id)
        tx.session.add(row)
        tx.session.flush()
        tx.session.expire(household, ["consents"])
        tx.event("household.consent", household, by=by, at=now, purpose=purpose, channel=channel, text=CONSENT_TEXT)
    return row


def _held(household: Household, purpose: str) -> Select[Consent]:
    return select(Consent).where(Consent.household_id == household.id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None)).limit(1)


def withdraw_consent(household: Household, purpose: str, *, by: Actor, now: datetime | None = None) -> None:
    """Record that the household took its consent back (个人信息保护法 §15); Refused("consent_gone") when there is none."""
    now = now or utcnow()
    with transaction() as tx:
        held = (Consent.household_id == household.id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
        ending = update(Consent).where(*held).values(withdrawn_at=now).returning(Consent.id)
        if not tx.session.scalars(ending.execution_options(synchronize_session=False)).all():
            raise Refused("consent_gone")
        tx.session.expire(household, ["consents"])
        tx.event("household.withdraw_consent", household, by=by, at=now, purpose=purpose)


def reveal(household: Household, what: str, purpose: str, member: str = "", *, by: Actor) -> dict[str, str]:
    """Open one masked field for one purpose and leave an event of it: the values by name.

    ``what`` is one of REVEALED, ``purpose`` of PURPOSES (KeyError otherwise); ``member`` is the code of the member meant by "member".
    """
    if what not in REVEALED or purpose not in PURPOSES:
        raise KeyError(what)
    relative = next((row for row in household.members if row.code == member), None)
    if what == "member" and relative is None:
        raise Refused("member_gone")
    with transaction() as tx:
        if relative is not None and what == "member":
            shown = {name: getattr(relative, name) or "" for name in ("name", "school", "employer")}
        else:
            shown = {what: getattr(household, what) or ""}
        tx.event("household.reveal", household, by=by, field=what, purpose=purpose, member=member if what == "member" else None)
    return shown
