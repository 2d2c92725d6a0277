"""What an administrator does: the tree of units, people and their roles. Every act leaves one event and works at the next request."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.exc import IntegrityError

from portal.accounts import sessions
from portal.accounts.models import ROLES, Account, RoleGrant, UnionUnit
from portal.accounts.operations import acceptable_username, hash_password
from portal.accounts.queries import in_subtree
from portal.codes import CODE_ALPHABET, new_code
from portal.database import utcnow
from portal.journal import Actor, Transaction, transaction
from portal.refusal import Refused

STAFF_ROLES = tuple(role for role in ROLES if role != "contact")


# -- units --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class UnitFacts:
    """What a unit's form says."""

    name: str
    short_name: str
    level: str
    town: str = ""
    station: str = ""
    station_address: str = ""
    station_phone: str = ""


def _lock_tree(tx: Transaction) -> None:
    """One change of the tree at a time: two moves at once could make a loop that neither sees."""
    tx.session.execute(select(UnionUnit.id).where(UnionUnit.parent_id.is_(None)).order_by(UnionUnit.id).with_for_update())
    tx.session.expire_all()


def create_unit(facts: UnitFacts, parent: UnionUnit | None, *, by: Actor, now: datetime | None = None) -> UnionUnit:
    """A new unit under ``parent``, or (by the command line only) at the top of the tree. Refused: unit_closed, unit_taken."""
    with transaction() as tx:
        _lock_tree(tx)
        if parent is not None and not parent.active:
            raise Refused("unit_closed", "parent")
        twin = select(UnionUnit.id).where(UnionUnit.parent_id == (parent.id if parent else None), UnionUnit.name == facts.name, UnionUnit.active)
        if tx.session.scalar(twin.limit(1)):  # also the same form sent twice
            raise Refused("unit_taken", "name")
        unit = UnionUnit(code=new_code("DW"), parent_id=parent.id if parent else None, path="", active=True, **asdict(facts))
        tx.session.add(unit)
        tx.session.flush()
        unit.path = f"{parent.path if parent else '/'}{unit.id}/"
        tx.event("unit.create", unit, by=by, at=now, unit_id=unit.id, parent=parent.code if parent else "", level=facts.level)
    return unit


def change_unit(unit: UnionUnit, facts: UnitFacts, *, by: Actor, now: datetime | None = None) -> None:
    """Name, level, town and the station's address of a unit; the event names the fields that changed."""
    with transaction() as tx:
        changed = [name for name, value in asdict(facts).items() if getattr(unit, name) != value]
        for name in changed:
            setattr(unit, name, getattr(facts, name))
        tx.event("unit.change", unit, by=by, at=now, unit_id=unit.id, fields=changed)


def move_unit(unit: UnionUnit, parent: UnionUnit, *, by: Actor, now: datetime | None = None) -> None:
    """Put a unit, with all below it, under another parent. Refused: unit_loop (into its own subtree), unit_closed."""
    with transaction() as tx:
        _lock_tree(tx)
        if parent.path.startswith(unit.path):
            raise Refused("unit_loop", "parent")
        if not parent.active:
            raise Refused("unit_closed", "parent")
        was, old = unit.parent.code if unit.parent else "", unit.path
        new = literal(f"{parent.path}{unit.id}/") + func.substr(UnionUnit.path, len(old) + 1)
        quiet = {"synchronize_session": False}
        unit_id, parent_id = unit.id, parent.id
        tx.session.execute(update(UnionUnit).where(in_subtree(UnionUnit.path, old)).values(path=new).execution_options(**quiet))
        tx.session.execute(update(UnionUnit).where(UnionUnit.id == unit_id).values(parent_id=parent_id).execution_options(**quiet))
        tx.session.expire_all()
        tx.event("unit.move", unit, by=by, at=now, unit_id=unit.id, was=was, parent=parent.code)


def retire_unit(unit: UnionUnit, *, by: Actor, now: datetime | None = None) -> None:
    """Take a unit out of use. Refused: unit_in_use while a unit or a person is active in it, unit_closed when it is retired already."""
    with transaction() as tx:
        _lock_tree(tx)
        tx.hold(unit)
        if not unit.active:
            raise Refused("unit_closed")
        below = select(UnionUnit.id).where(UnionUnit.parent_id == unit.id, UnionUnit.active).limit(1)
        people = select(Account.id).where(Account.unit_id == unit.id, Account.active).limit(1)
        if tx.session.scalar(below) or tx.session.scalar(people):
            raise Refused("unit_in_use")
        unit.active = False
        tx.event("unit.retire", unit, by=by, at=now, unit_id=unit.id)


def reopen_unit(unit: UnionUnit, *, by: Actor, now: datetime | None = None) -> None:
    """Take a retired unit into use again. Refused: unit_open, parent_closed."""
    with transaction() as tx:
        _lock_tree(tx)
        if unit.active:
            raise Refused("unit_open")
        if unit.parent and not unit.parent.active:
            raise Refused("parent_closed")
        unit.active = True
        tx.event("unit.reopen", unit, by=by, at=now, unit_id=unit.id)


# -- accounts -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountFacts:
    """What an account's form says; ``unit`` is None for the contact of an enterprise."""

    name: str
    roles: frozenset[str]
    unit: UnionUnit | None = None


def one_time_password() -> str:
    """Twelve characters that are read out without mistakes; good for one sign-in."""
    return "-".join("".join(secrets.choice(CODE_ALPHABET) for _ in range(4)) for _ in range(3)).lower()


def _refuse_mixed(roles: frozenset[str], staff: bool) -> None:
    """Union staff and contacts of enterprises never share an account: one would judge the other's claims."""
    if not roles <= set(STAFF_ROLES) if staff else roles != {"contact"}:
        raise Refused("role_side", "roles")


def _open_unit(tx: Transaction, unit: UnionUnit | None) -> None:
    """Hold the unit's row, so that nobody retires it while a person is put into it."""
    if unit is not None:
        tx.hold(unit)
        if not unit.active:
            raise Refused("unit_closed", "unit")


def create_account(username: str, facts: AccountFacts, *, by: Actor, now: datetime | None = None) -> tuple[Account, str]:
    """A new account of union staff and its one-time password, which is shown once and kept nowhere.

    Refused: username_form, username_taken, role_side, unit_closed.
    """
    now, name = now or utcnow(), acceptable_username(username)
    _refuse_mixed(facts.roles, staff=True)
    password = one_time_password()
    hashed = hash_password(password)
    try:
        with transaction() as tx:
            _open_unit(tx, facts.unit)
            account = Account(
                code=new_code("RY"), username=name, name=facts.name, password_hash=hashed, must_change=True, active=True, created_at=now,
                unit_id=facts.unit.id if facts.unit else None, grants=[RoleGrant(role=role) for role in sorted(facts.roles)],
            )  # fmt: skip
            tx.session.add(account)
            tx.session.flush()
            tx.event("account.create", account, by=by, at=now, roles=sorted(facts.roles))
    except IntegrityError:
        raise Refused("username_taken", "username") from None
    return account, password


def change_account(account: Account, facts: AccountFacts, *, by: Actor, now: datetime | None = None) -> None:
    """Name, unit and roles. When the unit or the roles change every session of the account ends. Refused: role_side, unit_closed, last_admin."""
    now = now or utcnow()
    with transaction() as tx:
        _lock_admins(tx, account)
        _refuse_mixed(facts.roles, staff=account.enterprise_id is None)
        reach, was = account.unit, account.roles
        changes: dict[str, Any] = {"fields": ["name"]} if account.name != facts.name else {}
        account.name = facts.name
        if facts.unit is not None and facts.unit.id != account.unit_id:
            _open_unit(tx, facts.unit)
            changes |= {"unit_was": reach.code if reach else "", "unit": facts.unit.code}
            account.unit_id = facts.unit.id
        if facts.roles != was:
            changes |= {"given": sorted(facts.roles - was), "taken": sorted(was - facts.roles)}
            _regrant(account, facts.roles)
        tx.session.flush()
        if "unit" in changes or "given" in changes:
            _keep_an_admin(tx, reach, "admin" in was)
            sessions.end_all(tx, account.id, now, "roles")
        tx.event("account.change", account, by=by, at=now, unit_id=account.unit_id or by.unit_id, **changes)


def _regrant(account: Account, roles: frozenset[str]) -> None:
    """Touch only what differs: the same role taken and given in one transaction would meet the unique constraint."""
    for grant in list(account.grants):
        if grant.role not in roles:
            account.grants.remove(grant)
    account.grants.extend(RoleGrant(role=role) for role in sorted(roles - account.roles))


def _lock_admins(tx: Transaction, account: Account) -> None:
    """Hold every administrator and the account itself: two who take the role from each other must wait in line."""
    admins = select(RoleGrant.account_id).where(RoleGrant.role == "admin")
    query = select(Account.id).where(Account.id.in_(admins) | (Account.id == account.id))
    tx.session.execute(query.order_by(Account.id).with_for_update())
    tx.session.expire_all()


def _keep_an_admin(tx: Transaction, unit: UnionUnit | None, was_admin: bool) -> None:
    """Refused("last_admin") when no active administrator reaches over ``unit`` any more."""
    if not was_admin or unit is None:
        return
    query = select(UnionUnit.path).join(Account, Account.unit_id == UnionUnit.id).join(RoleGrant, RoleGrant.account_id == Account.id)
    paths = tx.session.scalars(query.where(RoleGrant.role == "admin", Account.active)).all()
    if not any(unit.path.startswith(path) for path in paths):
        raise Refused("last_admin", "roles")


def deactivate(account: Account, *, by: Actor, now: datetime | None = None) -> None:
    """Close an account: its sessions end at once, nobody signs in with it. Refused: account_closed, last_admin."""
    now = now or utcnow()
    with transaction() as tx:
        _lock_admins(tx, account)
        if not account.active:
            raise Refused("account_closed")
        account.active = False
        tx.session.flush()
        _keep_an_admin(tx, account.unit, "admin" in account.roles)
        sessions.end_all(tx, account.id, now, "closed")
        tx.event("account.deactivate", account, by=by, at=now, unit_id=account.unit_id or by.unit_id)


def reactivate(account: Account, *, by: Actor, now: datetime | None = None) -> None:
    """Open a closed account again. Refused: account_open, unit_closed."""
    with transaction() as tx:
        tx.hold(account)
        if account.active:
            raise Refused("account_open")
        _open_unit(tx, account.unit)
        account.active = True
        tx.event("account.reactivate", account, by=by, at=now, unit_id=account.unit_id or by.unit_id)


def reset_password(account: Account, *, by: Actor, now: datetime | None = None) -> str:
    """A new one-time password; every session of the account ends at once. Refused: account_closed."""
    now, password = now or utcnow(), one_time_password()
    hashed = hash_password(password)
    with transaction() as tx:
        tx.hold(account)
        if not account.active:
            raise Refused("account_closed")
        account.password_hash, account.must_change = hashed, True
        sessions.end_all(tx, account.id, now, "reset")
        tx.event("account.reset_password", account, by=by, at=now, unit_id=account.unit_id or by.unit_id)
    return password


def end_sessions(account: Account, *, by: Actor, now: datetime | None = None) -> None:
    """Sign the account out everywhere, at once."""
    with transaction() as tx:
        sessions.end_all(tx, account.id, now or utcnow(), "admin")
        tx.event("account.end_sessions", account, by=by, at=now, unit_id=account.unit_id or by.unit_id)
