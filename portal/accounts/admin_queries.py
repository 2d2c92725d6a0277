"""What an administrator asks: the tree of units and the accounts, never beyond the own unit's subtree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.accounts.models import Account, RoleGrant, Session, UnionUnit
from portal.accounts.queries import units_under
from portal.database import db
from portal.journal import Actor

PER_PAGE = 50


@dataclass(frozen=True)
class Branch:
    """A unit in the tree as the list shows it: ``depth`` 0 is the administrator's own unit, ``people`` counts active accounts."""

    unit: UnionUnit
    depth: int
    people: int


def _place(unit: UnionUnit) -> tuple[int, ...]:
    """Sorts a tree so that every unit follows its parent: "/1/10/" after "/1/4/"."""
    return tuple(int(part) for part in unit.path.strip("/").split("/"))


def units(by: Actor, *, active_only: bool = False) -> list[UnionUnit]:
    """The units of the actor's subtree in the order of the tree."""
    query = select(UnionUnit).where(UnionUnit.id.in_(units_under(by)))
    if active_only:
        query = query.where(UnionUnit.active)
    return sorted(db.session.scalars(query), key=_place)


def tree(by: Actor) -> list[Branch]:
    """The actor's subtree with the number of active accounts at each unit."""
    counted = select(Account.unit_id, func.count()).where(Account.active, Account.unit_id.in_(units_under(by))).group_by(Account.unit_id)
    people: dict[int | None, int] = {unit_id: number for unit_id, number in db.session.execute(counted)}
    found = units(by)
    top = len(_place(found[0])) if found else 0
    return [Branch(unit, len(_place(unit)) - top, people.get(unit.id, 0)) for unit in found]


def unit_for_admin(by: Actor, code: str) -> UnionUnit | None:
    """A unit of the actor's subtree, or None."""
    query = select(UnionUnit).where(UnionUnit.code == code, UnionUnit.id.in_(units_under(by)))
    return db.session.scalar(query.options(joinedload(UnionUnit.parent)))


def towns() -> list[str]:
    """The names of the towns and streets that the active units stand for, in the order of the tree."""
    rows = sorted(db.session.scalars(select(UnionUnit).where(UnionUnit.active, UnionUnit.town != "")), key=_place)
    return list(dict.fromkeys(unit.town for unit in rows))


def _within(by: Actor) -> ColumnElement[bool]:
    """Accounts of the subtree's staff, and of the contacts of enterprises that a unit of the subtree vets."""
    enterprise = db.metadata.tables["enterprise"]  # the enterprises' capability stands above this one
    vetted = select(enterprise.c.id).where(enterprise.c.unit_id.in_(units_under(by)))
    return or_(Account.unit_id.in_(units_under(by)), Account.enterprise_id.in_(vetted))


@dataclass(frozen=True)
class Wanted:
    """The filters of the list of accounts; "" means any."""

    q: str = ""
    role: str = ""
    unit: str = ""
    state: str = ""


def accounts(by: Actor, wanted: Wanted, page: int) -> tuple[list[Account], int]:
    """One page (from 1, of PER_PAGE) of the accounts that the actor administers, and how many there are in all."""
    conditions = [_within(by)]
    if wanted.q:
        conditions.append(or_(Account.username.contains(wanted.q.lower(), autoescape=True), Account.name.contains(wanted.q, autoescape=True)))
    if wanted.role:
        conditions.append(Account.id.in_(select(RoleGrant.account_id).where(RoleGrant.role == wanted.role)))
    if wanted.unit:
        conditions.append(Account.unit_id.in_(select(UnionUnit.id).where(UnionUnit.code == wanted.unit)))
    if wanted.state in ("on", "off"):
        conditions.append(Account.active.is_(wanted.state == "on"))
    total = db.session.scalar(select(func.count()).select_from(Account).where(*conditions)) or 0
    query = select(Account).where(*conditions).options(joinedload(Account.unit), selectinload(Account.grants))
    rows = db.session.scalars(query.order_by(Account.username).limit(PER_PAGE).offset((page - 1) * PER_PAGE))
    return list(rows), total


def account_for_admin(by: Actor, code: str) -> Account | None:
    """An account that the actor administers, with its unit and roles, or None."""
    query = select(Account).where(Account.code == code, _within(by))
    return db.session.scalar(query.options(joinedload(Account.unit), selectinload(Account.grants)))


def enterprise_names(accounts_shown: list[Account]) -> dict[int, str]:
    """Short names of the enterprises of these contacts, by enterprise id: one query for a page."""
    enterprise = db.metadata.tables["enterprise"]
    ids = {account.enterprise_id for account in accounts_shown if account.enterprise_id}
    if not ids:
        return {}
    return {row.id: row.short_name for row in db.session.execute(select(enterprise.c.id, enterprise.c.short_name).where(enterprise.c.id.in_(ids)))}


def live_sessions(account: Account, now: datetime, idle: timedelta, absolute: timedelta) -> int:
    """How many browsers are signed in with this account now."""
    query = select(func.count()).where(
        Session.account_id == account.id, Session.ended_at.is_(None), Session.seen_at > now - idle, Session.started_at > now - absolute
    )
    return db.session.scalar(query) or 0
