"""Brings the demo's units, people, enterprises and households on stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.accounts.operations import hash_password
from portal.codes import new_code, resident_id
from portal.database import db
from portal.demo.data import rows, story
from portal.enterprises.models import Enterprise
from portal.households.models import Consent, Household, Member
from portal.journal import SYSTEM, Actor, transaction

EMERGENCY_DAYS = 20
CONSENT_TEXT = "2026-01"
SIZE = sum(len(rows(name)) for name in ("units", "enterprises", "accounts", "households"))
"""How many rows the cast has, for a progress bar."""
CHANNELS = ("paper", "counter", "phone")


@dataclass
class Cast:
    """Everybody on stage: actors by username, ids by the keys of the data files."""

    actors: dict[str, Actor] = field(default_factory=dict)
    units: dict[str, UnionUnit] = field(default_factory=dict)
    contacts: dict[str, Actor] = field(default_factory=dict)
    households: dict[str, int] = field(default_factory=dict)


def assemble(now: datetime, today: date, done: Callable[[int], None]) -> Cast:
    """Write units, enterprises, accounts and households; ``done`` is told how many rows more are there."""
    cast = Cast()
    began = now - timedelta(days=200)
    _units(cast, began)
    enterprises = _enterprises(cast, now)
    _accounts(cast, enterprises, began)
    done(len(cast.units) + len(enterprises) + len(cast.actors))
    _households(cast, now, today, done)
    return cast


def _units(cast: Cast, at: datetime) -> None:
    for row in rows("units"):
        parent = cast.units.get(row["parent"])
        with transaction() as tx:
            unit = UnionUnit(
                code=new_code("DW"), name=row["name"], short_name=row["short_name"], level=row["level"], path="", town=row["town"],
                parent_id=parent.id if parent else None, station=row["station"], station_address=row["station_address"],
                station_phone=row["station_phone"],
            )  # fmt: skip
            tx.session.add(unit)
            tx.session.flush()
            unit.path = f"{parent.path if parent else '/'}{unit.id}/"
            tx.event("unit.create", unit, by=SYSTEM, at=at, unit_id=unit.id)
        cast.units[row["key"]] = unit


def _enterprises(cast: Cast, now: datetime) -> dict[str, Enterprise]:
    found = {}
    for row in rows("enterprises"):
        registered = now - timedelta(days=int(row["registered_days_ago"]), hours=3)
        pending = row["state"] == "pending"
        with transaction() as tx:
            enterprise = Enterprise(
                code=new_code("QY"), credit_code=row["credit_code"], name=row["name"], short_name=row["short_name"], town=row["town"],
                unit_id=cast.units["district"].id, contact_name=row["contact"], state=row["state"], state_reason=row["state_note"],
                public_name=row["honour"] == "yes", registered_at=registered, decided_at=None if pending else registered + timedelta(hours=20),
            )  # fmt: skip
            enterprise.contact_phone = row["phone"]
            tx.session.add(enterprise)
            tx.session.flush()
            tx.event("enterprise.register", enterprise, by=SYSTEM, at=registered, state=row["state"])
        found[row["key"]] = enterprise
    return found


def _accounts(cast: Cast, enterprises: dict[str, Enterprise], at: datetime) -> None:
    hashed = hash_password(story()["password"])
    for row in rows("accounts"):
        unit, enterprise = cast.units.get(row["unit"]), enterprises.get(row["enterprise"])
        with transaction() as tx:
            account = Account(
                code=new_code("ZH"), username=row["username"], name=row["name"], password_hash=hashed, unit_id=unit.id if unit else None,
                enterprise_id=enterprise.id if enterprise else None, created_at=at, grants=[RoleGrant(role=row["role"])],
            )  # fmt: skip
            tx.session.add(account)
            tx.session.flush()
            tx.event("account.create", account, by=SYSTEM, at=at, role=row["role"])
        actor = Actor(account.id, account.name, frozenset({row["role"]}), account.unit_id, unit.path if unit else "", account.enterprise_id)
        cast.actors[row["username"]] = actor
        if enterprise:
            cast.contacts[row["enterprise"]] = actor


def _households(cast: Cast, now: datetime, today: date, done: Callable[[int], None]) -> None:
    family: dict[str, list[dict[str, str]]] = {}
    for row in rows("household_members"):
        family.setdefault(row["household"], []).append(row)
    for row in rows("households"):
        visited = int(row["visited_days_ago"])
        household = _household(row, cast.units[row["unit"]], today - timedelta(days=visited), now - timedelta(days=visited, hours=2))
        household.emergency_due = today + timedelta(days=EMERGENCY_DAYS) if household.state == "emergency" else None
        household.people = 1 + len(family.get(row["no"], ()))
        household.members = [_member(member) for member in family.get(row["no"], ())]
        given = household.filed_at + timedelta(minutes=20)
        household.consents = [Consent(purpose="publish_wish", text_version=CONSENT_TEXT, channel=CHANNELS[int(row["no"]) % 3], given_at=given)]
        with transaction() as tx:
            tx.session.add(household)
            tx.session.flush()
            tx.event("household.file", household, by=SYSTEM, at=household.filed_at, state=household.state)
        cast.households[row["no"]] = household.id
        done(1)
    db.session.expire_all()


def _household(row: dict[str, str], unit: UnionUnit, visited: date, filed: datetime) -> Household:
    person = resident_id(row["id_number"])
    household = Household(
        code=new_code("KN"), unit_id=unit.id, town=row["town"], state=row["file_state"], hardship=row["hardship"], cause=row["cause"],
        sex=person.sex[0], birth_year=person.born.year, employer_credit_code=row["employer_code"], visited_on=visited, filed_at=filed,
    )  # fmt: skip
    household.name, household.id_no, household.phone = row["name"], row["id_number"], row["phone"]
    household.address, household.employer = f"{row['town']} {row['address']}", row["employer"]
    return household


def _member(row: dict[str, str]) -> Member:
    member = Member(code=new_code("CY"), relation=row["relation"], birth_year=int(row["birth"][:4]))
    member.name, member.school = row["name"], row["school"] or None
    return member
