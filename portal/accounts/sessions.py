"""Server-side sessions: start, load, touch, end. A role that is taken away stops working at the next request."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask_login import UserMixin
from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.exc import OperationalError

from portal.accounts.models import Account, Session
from portal.database import db
from portal.journal import Actor, Transaction, housekeeping

log = logging.getLogger("portal")
TOUCH_EVERY = timedelta(seconds=60)


@dataclass
class SignedIn(UserMixin):
    """The person behind a request: the actor for the operations, and what the page's head shows."""

    actor: Actor
    token: str
    session_id: int
    username: str
    place: str
    must_change: bool

    def get_id(self) -> str:
        """The session's token: what the signed cookie carries."""
        return self.token

    @property
    def name(self) -> str:
        """The person's name."""
        return self.actor.name

    @property
    def unit_name(self) -> str:
        """The short name of the person's union unit, or of the enterprise."""
        return self.place

    enterprise_name = unit_name

    @property
    def side(self) -> str:
        """``staff`` or ``enterprise``."""
        return "enterprise" if self.actor.enterprise_id else "staff"


def token_hash(token: str) -> bytes:
    """What the database keeps of a token (SHA-256; the token itself has 256 random bits)."""
    return hashlib.sha256(token.encode()).digest()


def start(tx: Transaction, account: Account, now: datetime) -> str:
    """A new session inside the sign-in transaction; returns its token, which is never stored."""
    token = secrets.token_urlsafe(32)
    tx.session.add(Session(token_hash=token_hash(token), account_id=account.id, started_at=now, seen_at=now))
    return token


@cache
def _query() -> Select[*tuple[Any, ...]]:
    """The question of every request, built once and of tables, not of objects: whose session is it, and what may they do."""
    tables = db.metadata.tables
    session, account, unit = tables["session"], tables["account"], tables["union_unit"]
    enterprise, grant = tables["enterprise"], tables["role_grant"]
    return (
        select(
            session.c.id, session.c.started_at, session.c.seen_at, account.c.id.label("account_id"), account.c.name, account.c.username,
            account.c.must_change, account.c.unit_id, account.c.enterprise_id, unit.c.path, unit.c.short_name,
            enterprise.c.short_name.label("enterprise"), grant.c.role,
        )
        .join_from(session, account, account.c.id == session.c.account_id)
        .outerjoin(unit, unit.c.id == account.c.unit_id)
        .outerjoin(enterprise, enterprise.c.id == account.c.enterprise_id)
        .outerjoin(grant, grant.c.account_id == account.c.id)
        .where(session.c.token_hash == bindparam("token"), session.c.ended_at.is_(None), account.c.active)
    )  # fmt: skip


def load(token: str, now: datetime, idle: timedelta, absolute: timedelta, *, touch: bool = True) -> SignedIn | None:
    """The person of a live session with today's roles, or None: unknown, ended, idle too long, or too old.

    ``touch`` False for requests that the browser makes by itself: they must not keep a session alive.
    """
    rows = db.session.execute(_query(), {"token": token_hash(token)}).all()
    if not rows:
        return None
    row = rows[0]
    if now - row.seen_at > idle or now - row.started_at > absolute:
        return None
    if touch and now - row.seen_at > TOUCH_EVERY:
        _touch(row.id, now)
    return _person(row, frozenset(item.role for item in rows if item.role), token)


def _touch(session_id: int, now: datetime) -> None:
    """Note that somebody is there. A disk that takes nothing more does not keep people from reading."""
    try:
        with housekeeping() as tx:
            tx.change(update(Session).where(Session.id == session_id).values(seen_at=now))
    except (OperationalError, OSError) as problem:
        log.warning("session not touched", exc_info=problem)


def _person(row: Row[tuple[object, ...]], roles: frozenset[str], token: str) -> SignedIn:
    actor = Actor(id=row.account_id, name=row.name, roles=roles, unit_id=row.unit_id, unit_path=row.path or "", enterprise_id=row.enterprise_id)
    return SignedIn(actor, token, row.id, row.username, row.enterprise or row.short_name or "", row.must_change)


def account_behind(token: str) -> int | None:
    """The id of the account whose session this was, ended or not; None for an unknown token."""
    return db.session.scalar(select(Session.account_id).where(Session.token_hash == token_hash(token)))


def end(tx: Transaction, token: str, now: datetime, reason: str) -> None:
    """End one session at once."""
    tx.session.execute(update(Session).where(Session.token_hash == token_hash(token)).values(ended_at=now, end_reason=reason))


def end_all(tx: Transaction, account_id: int, now: datetime, reason: str, keep: int | None = None) -> None:
    """End every session of an account (password or roles changed), but for the one with id ``keep``."""
    ending = update(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    if keep is not None:
        ending = ending.where(Session.id != keep)
    tx.session.execute(ending.values(ended_at=now, end_reason=reason))
