"""What people do with accounts: sign in and out, change a password."""

from __future__ import annotations

import hashlib
import hmac
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select

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
    return f"{kind}:{hmac.new(throttle.key, f'{kind}:{value.lower()}'.encode(), hashlib.sha256).hexdigest()[:40]}"


def _waiting(key: str, most: int, throttle: Throttle, now: datetime) -> bool:
    row = db.session.get(SignInTry, key, populate_existing=True)
    return row is not None and row.tries >= most and now - row.since < throttle.wait


def _count_wrong(keys: tuple[str, str], throttle: Throttle, now: datetime) -> None:
    with housekeeping() as tx:
        for key in keys:
            row = tx.session.get(SignInTry, key, with_for_update=True)
            if row is None:
                tx.session.add(SignInTry(key=key, tries=1, since=now))
            elif now - row.since >= throttle.wait:
                row.tries, row.since = 1, now
            else:
                row.tries, row.since = row.tries + 1, now


def sign_in(username: str, password: str, source: str, throttle: Throttle, now: datetime | None = None) -> str:
    """Check a password and start a session; returns its token.

    Refused("sign_in_wrong") tells neither whether the name exists nor takes less time when it does not. Refused("sign_in_wait") after too many:
    counted by (account, source), so that a stranger elsewhere cannot lock somebody out, and by source.
    """
    now = now or utcnow()
    keys = (_tries_key(throttle, "account", f"{username}@{source}"), _tries_key(throttle, "source", source))
    if _waiting(keys[0], throttle.account_tries, throttle, now) or _waiting(keys[1], throttle.source_tries, throttle, now):
        raise Refused("sign_in_wait", minutes=int(throttle.wait.total_seconds() // 60))
    account = db.session.scalar(select(Account).where(Account.username == username.strip().lower(), Account.active))
    right = verify(account.password_hash if account else _NOBODY, password)
    if account is None or not right:
        _count_wrong(keys, throttle, now)
        raise Refused("sign_in_wrong")
    stale = HASHER.check_needs_rehash(account.password_hash)
    with transaction() as tx:
        if stale:
            account.password_hash = HASHER.hash(password)
        tx.session.execute(delete(SignInTry).where(SignInTry.key == keys[0]))
        token = sessions.start(tx, account, now)
        tx.event("account.sign_in", account, by=Actor(account.id, account.name), at=now)
    return token


def sign_out(token: str, *, by: Actor) -> None:
    """End this session at once."""
    account = db.session.get_one(Account, by.id)
    with transaction() as tx:
        sessions.end(tx, token, utcnow(), "sign_out")
        tx.event("account.sign_out", account, by=by)


def change_password(old: str, new: str, session_id: int, *, by: Actor) -> None:
    """Set a new password and end every other session of the account."""
    account = db.session.get_one(Account, by.id)
    if not verify(account.password_hash, old):
        raise Refused("password_wrong", "old")
    hashed = hash_password(new)
    with transaction() as tx:
        account.password_hash, account.must_change = hashed, False
        sessions.end_all(tx, account.id, utcnow(), "password", keep=session_id)
        tx.event("account.change_password", account, by=by)
