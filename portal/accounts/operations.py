"""What people do with accounts: sign in and out, change a password."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from portal.accounts import sessions
from portal.accounts.models import Account, SignInTry
from portal.database import db, utcnow
from portal.journal import Actor, housekeeping, transaction
from portal.refusal import Refused

LEAST, MOST = 8, 128
COMMON = frozenset("12345678 123456789 1234567890 password password1 qwertyui 11111111 88888888 00000000 abc12345 abcd1234 a1234567".split())
# 19 MiB, 2 passes, 1 lane: OWASP's first choice, about 60 ms on a small server.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Hashing eats memory and a core: as many at a time as a small server has cores.
_HASHING = threading.BoundedSemaphore(2)
_NOBODY = HASHER.hash("nobody has this password")


@dataclass(frozen=True)
class Throttle:
    """How many wrong passwords are let through, by account and by source, and how long the wait is."""

    account_tries: int
    source_tries: int
    wait: timedelta
    key: bytes


def acceptable_username(text: str) -> str:
    """The one spelling of a username: 2 to 40 small letters, digits, dots, hyphens; Refused("username_form") for another."""
    name = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,39}", name):
        raise Refused("username_form", "username")
    return name


def hash_password(password: str) -> str:
    """Argon2id hash of an acceptable password; Refused for one that is too short, too long or too common."""
    if len(password) < LEAST:
        raise Refused("password_short", "password", least=LEAST)
    if len(password) > MOST:
        raise Refused("password_long", "password", most=MOST)
    if password.lower() in COMMON:
        raise Refused("password_common", "password")
    with _HASHING:
        return HASHER.hash(password)


def verify(stored: str, password: str) -> bool:
    """Whether the password fits; the length is capped before any work is done."""
    try:
        with _HASHING:
            return HASHER.verify(stored, password[: MOST + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False


def _tries_key(throttle: Throttle, kind: str, value: str) -> str:
    return f"{kind}:{hmac.new(throttle.key, f'{kind}:{value}'.encode(), hashlib.sha256).hexdigest()[:40]}"


def _waiting(key: str, most: int, throttle: Throttle, now: datetime) -> bool:
    row = db.session.get(SignInTry, key, populate_existing=True)
    return row is not None and row.tries >= most and now - row.since < throttle.wait


def _count(keys: tuple[str, ...], throttle: Throttle, now: datetime) -> None:
    try:
        _count_once(keys, throttle, now)
    except IntegrityError:  # two first tries at the same moment: the row is there now
        _count_once(keys, throttle, now)


def _count_once(keys: tuple[str, ...], throttle: Throttle, now: datetime) -> None:
    with housekeeping() as tx:
        for key in keys:
            row = tx.session.get(SignInTry, key, with_for_update=True, populate_existing=True)
            if row is None:
                tx.session.add(SignInTry(key=key, tries=1, since=now))
            elif now - row.since >= throttle.wait:
                row.tries, row.since = 1, now
            else:
                row.tries, row.since = row.tries + 1, now


def admit(what: str, source: str, throttle: Throttle, now: datetime | None = None) -> None:
    """Let through as many acts of this kind from one source as wrong passwords; Refused("too_many") beyond."""
    now, key = now or utcnow(), _tries_key(throttle, what, source)
    if _waiting(key, throttle.source_tries, throttle, now):
        raise Refused("too_many", minutes=int(throttle.wait.total_seconds() // 60))
    _count((key,), throttle, now)


def _reach(account: Account) -> int | None:
    """The unit whose auditors may read this account's acts: its own, or the one that vets its enterprise."""
    enterprise = db.metadata.tables["enterprise"]  # the enterprises' capability stands above this one
    return account.unit_id or db.session.scalar(select(enterprise.c.unit_id).where(enterprise.c.id == account.enterprise_id))


def sign_in(username: str, password: str, source: str, throttle: Throttle, now: datetime | None = None) -> str:
    """Check a password and start a session; returns its token.

    Refused("sign_in_wrong") tells neither whether the name exists nor takes less time when it does not. Refused("sign_in_wait") after too many:
    counted by (account, source), so that a stranger elsewhere cannot lock somebody out, and by source.
    """
    now, username = now or utcnow(), username.strip().lower()
    keys = (_tries_key(throttle, "account", f"{username}@{source}"), _tries_key(throttle, "source", source))
    if _waiting(keys[0], throttle.account_tries, throttle, now) or _waiting(keys[1], throttle.source_tries, throttle, now):
        raise Refused("sign_in_wait", minutes=int(throttle.wait.total_seconds() // 60))
    account = db.session.scalar(select(Account).where(Account.username == username, Account.active))
    checked = account.password_hash if account else _NOBODY
    right = verify(checked, password)
    if account is None or not right:
        _count(keys, throttle, now)
        raise Refused("sign_in_wrong")
    fresh = HASHER.hash(password) if HASHER.check_needs_rehash(checked) else checked
    with transaction() as tx:
        tx.hold(account)
        if not account.active or account.password_hash != checked:  # closed or reset while the password was being checked
            raise Refused("sign_in_wrong")
        account.password_hash = fresh
        tx.session.execute(delete(SignInTry).where(SignInTry.key == keys[0]))
        token = sessions.start(tx, account, now)
        tx.event("account.sign_in", account, by=Actor(account.id, account.name), at=now, unit_id=_reach(account))
    return token


def sign_out(token: str, *, by: Actor) -> None:
    """End this session at once."""
    account = db.session.get_one(Account, by.id)
    with transaction() as tx:
        sessions.end(tx, token, utcnow(), "sign_out")
        tx.event("account.sign_out", account, by=by, unit_id=_reach(account))


def change_password(old: str, new: str, session_id: int, *, by: Actor) -> None:
    """Set a new password and end every other session of the account. Refused: password_wrong, password_same, password_short …"""
    account = db.session.get_one(Account, by.id)
    checked = account.password_hash
    if not verify(checked, old):
        raise Refused("password_wrong", "old")
    if new == old:
        raise Refused("password_same", "password")
    hashed = hash_password(new)
    with transaction() as tx:
        tx.hold(account)
        if not account.active or account.password_hash != checked:  # closed or reset while the password was being checked
            raise Refused("password_wrong", "old")
        account.password_hash, account.must_change = hashed, False
        sessions.end_all(tx, account.id, utcnow(), "password", keep=session_id)
        tx.event("account.change_password", account, by=by, unit_id=_reach(account))
