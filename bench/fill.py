"""A filled database of any size, quickly: the demo's published wishes over and over, with towns, days and values of their own."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Flask
from sqlalchemy import Table, text

from portal.accounts.models import Account, RoleGrant, Session, UnionUnit
from portal.accounts.sessions import token_hash
from portal.codes import CODE_ALPHABET, new_code
from portal.database import db, utcnow
from portal.demo.data import rows as demo_rows
from portal.enterprises.models import Enterprise
from portal.households.models import Household
from portal.wishes import shelf
from portal.wishes.categories import CATEGORIES
from portal.wishes.models import BasketLine, Campaign, Posting, PostingTerm, Tally, value_band
from portal.wishes.queries import local_day
from portal.wishes.terms import terms

TOWNS = [f"{name}街道" for name in "潞桥 东湖 柳岸 青石 双桥 云门 南塘 北苑 松陵 望亭 黎里 平望 盛泽 震泽 桃源 同里 汾湖 横扇 七都 八坼".split()]
CLAIMANTS = 64
SHARES = ((0.7, "open", 0, 0), (0.9, "open", 1, 0), (1.0, "closed", 1, 1))
COLUMNS = (
    "id code campaign_id unit_id household_id kind state version category town band mode title spec public_text point value_fen latest_day quantity "
    "claimed fulfilled checks return_reason return_note posted_by posted_at published_at"
).split()  # fmt: skip


def people(now: datetime) -> tuple[int, list[int]]:
    """One union, one household, ``CLAIMANTS`` approved enterprises, each signed in with the token ``token-<n>``; (campaign id, account ids)."""
    unit = UnionUnit(code="DW-BENCH2", name="云湖经济开发区总工会", short_name="云湖总工会", level="district", path="/1/", town="", station="")
    db.session.add(unit)
    db.session.flush()
    db.session.add(Household(code="KN-2026-BENCH2", unit_id=unit.id, town=TOWNS[0], state="filed", hardship="deep", cause="low_income", filed_at=now))
    campaign = Campaign(
        code="HD-BENCH2", name="2027 年元旦春节送温暖", unit_id=unit.id, opens_on=local_day(now) - timedelta(days=20), quota=1_000_000,
        claims_until=local_day(now) + timedelta(days=60), ends_on=local_day(now) + timedelta(days=70), current=True,
    )  # fmt: skip
    db.session.add(campaign)
    accounts = []
    for number in range(CLAIMANTS):
        firm = Enterprise(
            code=new_code("QY"), credit_code=f"91329900MA{number:08d}", name=f"测试企业{number}有限公司", short_name=f"测试企业{number}",
            state="approved", unit_id=unit.id, contact_name="赵敏", public_name=True, open_claims=0, registered_at=now,
        )  # fmt: skip
        db.session.add(firm)
        db.session.flush()
        account = Account(
            code=new_code("RY"), username=f"bench{number}", name="赵敏", password_hash="-", enterprise_id=firm.id, created_at=now,
            grants=[RoleGrant(role="contact")],
        )  # fmt: skip
        db.session.add(account)
        db.session.flush()
        db.session.add(Session(token_hash=token_hash(f"token-{number}"), account_id=account.id, started_at=now, seen_at=now + timedelta(hours=6)))
        accounts.append(account.id)
    db.session.commit()
    return campaign.id, accounts


def _codes(count: int, dice: random.Random) -> list[str]:
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(dice.choices(CODE_ALPHABET, k=6)))
    return sorted(found)


def _postings(count: int, campaign_id: int, account_id: int, codes: list[str], now: datetime, sqlite: bool) -> Iterator[tuple[Any, ...]]:
    dice, wishes, today = random.Random(3), demo_rows("wishes"), local_day(now)
    days: list[Any] = [today + timedelta(days=number) for number in range(1, 61)]
    days = [day.isoformat() for day in days] if sqlite else days
    start = now.replace(tzinfo=None)
    for number in range(1, count + 1):
        wish = wishes[(number - 1) // len(TOWNS) % len(wishes)]
        chance = dice.random()
        state, claimed, fulfilled = next(rest for share, *rest in SHARES if chance < share)
        value = int(wish["value_yuan"] or 0) * dice.randint(80, 120)
        published = start - timedelta(seconds=dice.randrange(1, 1_700_000), microseconds=dice.randrange(1_000_000))
        moment = published.strftime("%Y-%m-%d %H:%M:%S.%f") if sqlite else published
        yield (
            number, f"WX-{codes[number - 1]}", campaign_id, 1, 1, "wish", state, 1, wish["category"], TOWNS[(number - 1) % len(TOWNS)], value_band(value),
            wish["mode"], wish["item"], wish["spec"], wish["public_text"], f"{TOWNS[(number - 1) % len(TOWNS)]}工会服务站", value, dice.choice(days), 1,
            claimed, fulfilled, "[]", "", "", account_id, moment, moment,
        )  # fmt: skip


def _bulk(table: str, columns: Iterable[str], values: Iterable[tuple[Any, ...]]) -> None:
    """The fastest insert of the engine: a prepared statement, or COPY."""
    names = list(columns)
    raw = db.engine.raw_connection()
    try:
        cursor: Any = raw.cursor()
        if db.engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA foreign_keys=OFF")
            cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)
            cursor.execute("COMMIT")
            cursor.execute("PRAGMA foreign_keys=ON")
        else:
            with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            raw.commit()
    finally:
        raw.close()


def _term_rows(count: int, codes: list[str]) -> Iterator[tuple[str, int]]:
    """(term, posting id) in the order of the index, so that both engines only append."""
    wishes, period = demo_rows("wishes"), len(demo_rows("wishes")) * len(TOWNS)
    holders: dict[str, list[int]] = {}
    for number in range(min(count, period)):
        wish = wishes[number // len(TOWNS)]
        category = CATEGORIES[wish["category"]].label
        for term in terms(wish["item"], wish["spec"], wish["public_text"], TOWNS[number % len(TOWNS)], category):
            holders.setdefault(term, []).append(number + 1)
    of_code: dict[str, list[int]] = {}
    for number, code in enumerate(codes[:count], start=1):
        for term in terms("", code=f"WX-{code}"):
            of_code.setdefault(term, []).append(number)
    for term in sorted(holders.keys() | of_code.keys()):
        ids = set(of_code.get(term, ()))
        for first in holders.get(term, ()):
            ids.update(range(first, count + 1, period))
        for number in sorted(ids):
            yield term, number


def fill(app: Flask, count: int) -> None:
    """Fill an empty, migrated database with ``count`` wishes, their search terms, the kept figures, and a basket of three."""
    now = utcnow()
    with app.app_context():
        sqlite = db.engine.dialect.name == "sqlite"
        campaign_id, accounts = people(now)
        codes = _codes(count, random.Random(5))
        random.Random(9).shuffle(codes)
        _quick(sqlite, True)
        _bulk("posting", COLUMNS, _postings(count, campaign_id, accounts[0], codes, now, sqlite))
        _bulk("posting_term", ("term", "posting_id"), _term_rows(count, codes))
        _quick(sqlite, False)
        db.session.rollback()  # the snapshot is older than what was filled in
        cells = shelf.recount(db.session)
        db.session.rollback()
        db.session.connection(execution_options={"writing": True})
        for cell, values in cells.items():
            db.session.add(Tally(**dict(zip(shelf.CELL, cell, strict=True)), **values))
        db.session.execute(text("UPDATE union_unit SET path = '/1/'"))
        first = db.session.scalars(db.select(Posting.id).where(text("state = 'open' and claimed < quantity")).limit(3))
        db.session.add_all([BasketLine(enterprise_id=1, posting_id=number, quantity=1, added_at=now) for number in first])
        db.session.commit()
        if not sqlite:
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("SELECT setval(pg_get_serial_sequence('posting', 'id'), (SELECT max(id) FROM posting))"))
                connection.execute(text("VACUUM ANALYZE"))


def _quick(sqlite: bool, begin: bool) -> None:
    """The indexes of the search terms are built faster afterwards."""
    table = cast(Table, PostingTerm.__table__)
    with db.engine.connect().execution_options(writing=True) as connection:
        if begin:
            for index in table.indexes:
                index.drop(connection)
            if not sqlite:
                connection.execute(text(f"ALTER TABLE {table.name} DROP CONSTRAINT pk_posting_term, DROP CONSTRAINT fk_posting_term_posting_id"))
        else:
            if not sqlite:
                connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
                connection.execute(text(f"ALTER TABLE {table.name} ADD CONSTRAINT pk_posting_term PRIMARY KEY (term, posting_id)"))
                foreign = "FOREIGN KEY (posting_id) REFERENCES posting (id) ON DELETE CASCADE NOT VALID"
                connection.execute(text(f"ALTER TABLE {table.name} ADD CONSTRAINT fk_posting_term_posting_id {foreign}"))
            for index in table.indexes:
                index.create(connection)
        connection.commit()
