"""What we ask of the files, each question within the asker's subtree; and how much of a file the asker is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from portal.accounts.models import UnionUnit
from portal.accounts.queries import in_subtree, own_unit, units_under
from portal.codes import CodeError, mask_address, mask_bank_card, mask_id_no, mask_name, mask_phone
from portal.database import db
from portal.households.models import Consent, Household, Member
from portal.journal import Actor

PER_PAGE = 20
GROWN_UP = 18


@dataclass(frozen=True)
class Filter:
    """What a list of files is narrowed to; empty means all."""

    state: str = ""
    town: str = ""
    hardship: str = ""


@dataclass
class Page:
    """A page of a list without numbers: the rows, and the codes from which the neighbouring pages go on."""

    rows: list[Household] = field(default_factory=list)
    newer: str | None = None
    older: str | None = None


def scope(by: Actor, chosen: Filter) -> Select[Household]:
    """The files of the actor's subtree that the filter leaves, newest first."""
    query = select(Household).where(Household.unit_id.in_(units_under(by))).order_by(Household.id.desc())
    for column, value in ((Household.state, chosen.state), (Household.town, chosen.town), (Household.hardship, chosen.hardship)):
        if value:
            query = query.where(column == value)
    return query


def list_page(by: Actor, chosen: Filter, after: str = "", before: str = "") -> Page:
    """PER_PAGE files after (older than) or before (newer than) the file of that code."""
    query = scope(by, chosen).options(joinedload(Household.unit))
    edge = after or before
    place = select(Household.id).where(Household.code == edge).scalar_subquery()
    if before:
        rows = list(db.session.scalars(query.where(Household.id > place).order_by(None).order_by(Household.id).limit(PER_PAGE + 1)))
        more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE][::-1]
        return Page(rows, rows[0].code if more and rows else None, rows[-1].code if rows else None)
    rows = list(db.session.scalars((query.where(Household.id < place) if after else query).limit(PER_PAGE + 1)))
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    return Page(rows, rows[0].code if after and rows else None, rows[-1].code if more else None)


def household_for(by: Actor, code: str) -> Household | None:
    """A file of the actor's subtree, or None."""
    return db.session.scalar(
        select(Household)
        .where(Household.code == code, Household.unit_id.in_(units_under(by)))
        .options(joinedload(Household.unit), selectinload(Household.members), selectinload(Household.consents))
    )


def household_of(by: Actor, code: str) -> Household | None:
    """A file of the actor's own grassroots union, which alone may write in it; or None."""
    found = household_for(by, code)
    return found if found is not None and own(found, by) else None


def by_id_no(by: Actor, text: str) -> Household | None:
    """The file of the actor's subtree with this ID number, of 15 or 18 digits; None also for what is no ID number."""
    try:
        same = Household.id_no.equals(text)
    except CodeError:
        return None
    return db.session.scalar(select(Household).where(same, Household.unit_id.in_(units_under(by))))


def towns(by: Actor) -> list[str]:
    """The towns the filter offers: those of the units in the actor's subtree."""
    query = select(UnionUnit.town).where(UnionUnit.town != "", UnionUnit.active, in_subtree(UnionUnit.path, by.unit_path or "/"))
    return sorted(set(db.session.scalars(query)))


def towns_to_file_in(by: Actor) -> list[str]:
    """The towns a new file may lie in: the unit's own; for a unit without one (产业工会) those of the units beside it.

    Offered, not typed: the town is what enterprises and the public see of the address.
    """
    unit = db.session.get(UnionUnit, by.unit_id)
    if unit is None or unit.town:
        return [unit.town] if unit else []
    above = unit.path.rstrip("/").rpartition("/")[0] + "/"
    query = select(UnionUnit.town).where(UnionUnit.town != "", UnionUnit.active, in_subtree(UnionUnit.path, above))
    return sorted(set(db.session.scalars(query)))


def current_consent(household: Household, purpose: str) -> Consent | None:
    """The consent to this purpose that has not been withdrawn, or None."""
    return next((row for row in reversed(household.consents) if row.purpose == purpose and row.withdrawn_at is None), None)


# -- what of a file is shown ---------------------------------------------------------------------------------------------------------


def own(household: Household, by: Actor) -> bool:
    """Whether the file lies in the actor's own grassroots union, which sees names in full; units above see them masked."""
    return own_unit(by, household.unit_id)


def name_for(household: Household, by: Actor) -> str:
    """The name as this actor is shown it: in full to their own files, 张** to units above."""
    name = household.name or ""
    return name if own(household, by) else mask_name(name)


def row_for(household: Household, by: Actor) -> dict[str, Any]:
    """One line of a list of files: masked where it has to be."""
    return {
        "code": household.code, "name": name_for(household, by), "id_no": mask_id_no(household.id_no or ""), "town": household.town,
        "unit": household.unit.short_name, "state": household.state, "hardship": household.hardship, "people": household.people,
        "visited_on": household.visited_on, "emergency_due": household.emergency_due,
    }  # fmt: skip


def minor(member: Member, today: date) -> bool:
    """Whether a member is, or by the year of birth may be, under 18 (个人信息保护法 §28); an unknown year counts as a child's."""
    return member.birth_year is None or today.year - member.birth_year <= GROWN_UP


def file_for(household: Household, by: Actor, today: date) -> dict[str, Any]:
    """The file as this actor is shown it: ID number, phone, address, card and minors masked for everybody, names for units above."""
    mine = own(household, by)
    return row_for(household, by) | {
        "own": mine, "sex": household.sex, "birth_year": household.birth_year, "cause": household.cause, "filed_at": household.filed_at,
        "phone": mask_phone(household.phone) if household.phone else None,
        "address": mask_address(household.address or "") or household.town,
        "bank_card": mask_bank_card(household.bank_card) if household.bank_card else None,
        "employer": household.employer if mine else None, "credit_code": household.employer_credit_code if mine else None,
        "members": [member_for(member, mine, today) for member in household.members],
    }  # fmt: skip


def member_for(member: Member, mine: bool, today: date) -> dict[str, Any]:
    """One member of the family as shown: a minor's name and school only by a purpose-bound look."""
    open_to = mine and not minor(member, today)
    return {
        "code": member.code, "relation": member.relation, "birth_year": member.birth_year, "minor": minor(member, today),
        "name": (member.name or "") if open_to else mask_name(member.name or ""),
        "place": (member.school or member.employer) if open_to else None, "hidden": bool(member.school or member.employer) and not open_to,
    }  # fmt: skip
