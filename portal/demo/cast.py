"""Brings the demo's units, people, enterprises and households on stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.accounts.operations import hash_password
from portal.codes import new_code, resident_id
from portal.demo.data import rows, story
from portal.enterprises.models import Enterprise
from portal.households.operations import CHANNELS, Facts, Relative, give_consent, open_file
from portal.journal import SYSTEM, Actor, transaction

EMERGENCY_DAYS = 20
SIZE = sum(len(rows(name)) for name in ("units", "enterprises", "accounts", "households"))
"""How many rows the cast has, for a progress bar."""
# Who posts and who takes over, delivers and records the sign-off, by unit.
CLERKS = {
    "luqiao": ("lin", "chen"), "luqiao-east": ("lin", "chen"), "donghu": ("he", "dong"), "donghu-west": ("he", "dong"),
    "industry": ("wu", "tang"), "logistics": ("wu", "tang"), "textile": ("wu", "tang"), "mould": ("wu", "tang"),
    "liuan": ("shi", "qian"), "qingshi": ("pan", "luo"), "shuangqiao": ("xie", "deng"), "district": ("fang", "ding"),
}  # fmt: skip


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
    """Open every file on the day of its visit, by the clerk who posts for its unit, with the consent to an anonymous wish."""
    family: dict[str, list[dict[str, str]]] = {}
    for row in rows("household_members"):
        family.setdefault(row["household"], []).append(row)
    for row in rows("households"):
        unit = cast.units[row["unit"]]
        clerk = replace(cast.actors[CLERKS[row["unit"]][0]], unit_id=unit.id, unit_path=unit.path)
        visited = int(row["visited_days_ago"])
        filed = now - timedelta(days=visited, hours=2)
        relatives = tuple(_relative(member) for member in family.get(row["no"], ()))
        household = open_file(_facts(row, today - timedelta(days=visited), today, 1 + len(relatives)), relatives, by=clerk, now=filed)
        give_consent(household, "publish_wish", CHANNELS[int(row["no"]) % 3], by=clerk, now=filed + timedelta(minutes=20))
        cast.households[row["no"]] = household.id
        done(1)


def _facts(row: dict[str, str], visited: date, today: date, people: int) -> Facts:
    person = resident_id(row["id_number"])
    emergency = row["file_state"] == "emergency"
    return Facts(
        name=row["name"], sex=person.sex[0], id_no=person.number, phone=row["phone"], address=f"{row['town']} {row['address']}",
        town=row["town"], hardship=row["hardship"], cause=row["cause"], people=people, employer=row["employer"],
        employer_credit_code=row["employer_code"], state=row["file_state"], visited_on=visited,
        emergency_due=today + timedelta(days=EMERGENCY_DAYS) if emergency else None,
    )  # fmt: skip


def _relative(row: dict[str, str]) -> Relative:
    return Relative(row["name"], row["relation"], int(row["birth"][:4]), row["school"])
