"""The cast: the same few people in every test, on an empty, migrated database.

    cast = make_cast()              # inside an app context
    cast.lin, cast.zhao, …          # Actor objects for operations (by=…)
    cast.wish(…), cast.lot(…)       # postings in any state, made by the real operations

lin posts · chen takes over and delivers · he belongs to another union · zhou reviews · li confirms and publishes · zhao claims ·
sun is her rival · wu waits for approval · gu audits · admin administers.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.accounts.operations import HASHER
from portal.codes import credit_check_digit, id_check_digit, new_code
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.households.models import Consent, Household, Member
from portal.journal import Actor
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Campaign, Claim, Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.operations import posting as posting_operations
from portal.wishes.operations.delivering import Facts
from portal.wishes.operations.posting import Draft, Item
from portal.wishes.queries import local_day
from tests.reader import PASSWORD

STROKES = "[[[0.1,0.1],[0.3,0.3],[0.5,0.1]],[[0.2,0.35],[0.8,0.3]]]"
PEOPLE = {  # username: (name, unit, roles)
    "lin": ("林晓梅", "luqiao", ("clerk",)),
    "chen": ("陈建国", "luqiao", ("clerk",)),
    "he": ("何雨", "donghu", ("clerk",)),
    "zhou": ("周立", "district", ("reviewer",)),
    "li": ("李文静", "district", ("reviewer",)),
    "gu": ("顾言", "district", ("auditor",)),
    "admin": ("管理员", "city", ("admin",)),
}
CONTACTS = {"zhao": ("赵敏", "禾丰食品", "approved"), "sun": ("孙宁", "远景机电", "approved"), "wu": ("吴刚", "新城物业", "pending")}


@cache
def password_hash() -> str:
    """One hash for everybody: argon2 is slow on purpose."""
    return HASHER.hash(PASSWORD)


def id_number(serial: int, born: str = "19700101") -> str:
    """A resident ID of valid form in a county code that was never given out."""
    first17 = f"329900{born}{serial:03d}"
    return first17 + id_check_digit(first17)


@dataclass
class Cast:
    """The people, their unions and enterprises, one campaign, and quick ways to any state."""

    units: dict[str, UnionUnit] = field(default_factory=dict)
    enterprises: dict[str, Enterprise] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    campaign_id: int = 0
    today: date = field(default_factory=lambda: local_day(utcnow()))
    serial: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.__dict__["actors"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def campaign(self) -> Campaign:
        return db.session.get_one(Campaign, self.campaign_id)

    def household(self, unit: str = "luqiao", **values: object) -> Household:
        """A household on file, with a spouse, a child at school, and the consent to an anonymous wish."""
        number = next(self.serial)
        there = self.units[unit]
        row = Household(
            code=new_code("KN-2026"), unit_id=there.id, town=there.town, state="filed", hardship="deep", cause="low_income", sex="f",
            birth_year=1970, people=3, visited_on=self.today - timedelta(days=30), filed_at=utcnow(),
        )  # fmt: skip
        row.name, row.id_no, row.phone = "周玉华", id_number(number), f"1990000{number:04d}"
        row.address, row.employer = f"潞桥街道和平路{number}号2栋301室", "云湖针织有限公司"
        for name, value in values.items():
            setattr(row, name, value)
        child = Member(code=new_code("CY"), relation="child", birth_year=2015)
        child.name, child.school = "陈小雨", "云湖实验小学"
        row.members = [child]
        row.consents = [Consent(purpose="publish_wish", text_version="2026-1", channel="paper", given_at=utcnow())]
        db.session.add(row)
        db.session.commit()
        return row

    def draft(self, **values: object) -> Draft:
        """What lin would type for a wish."""
        plain: dict[str, object] = {
            "title": "一台取暖器", "category": "home", "latest_day": self.today + timedelta(days=20), "mode": "station",
            "point": "潞桥街道工会服务站", "spec": "功率 2000 瓦以内", "public_text": "用于老人房间，最好带定时。", "value_fen": 28_000,
        }  # fmt: skip
        return Draft(**(plain | values))  # type: ignore[arg-type]

    def wish(
        self, state: str = "open", *, unit: str = "luqiao", household: Household | None = None, now: datetime | None = None, **values: object
    ) -> Posting:
        """A wish of ``unit`` in state draft, submitted or open."""
        home = household or self.household(unit)
        poster = self.lin if unit == "luqiao" else self.he
        row = posting_operations.create(
            "wish", self.draft(**values), self.campaign, home, unit_id=self.units[unit].id, town=self.units[unit].town, by=poster, now=now
        )
        return self._on(row, state, poster, now)

    def lot(self, quantity: int = 10, state: str = "open", *, unit: str = "luqiao", now: datetime | None = None, **values: object) -> Posting:
        """A lot of packs of ``unit`` in state draft, submitted or open; no recipients named yet."""
        rice = Item("大米", "10 公斤", True, "SC10132040000011", "云湖米业", "B20261101", self.today - timedelta(days=20), 365)
        plain = {
            "title": "米面油组合",
            "category": "pack",
            "value_fen": 16_800,
            "quantity": quantity,
            "items": (rice,),
            "public_text": "",
            "spec": "",
        }
        poster = self.lin if unit == "luqiao" else self.he
        draft = self.draft(**(plain | values))
        there = self.units[unit]
        row = posting_operations.create("pack", draft, self.campaign, None, unit_id=there.id, town=there.town, by=poster, now=now)
        return self._on(row, state, poster, now)

    def _on(self, row: Posting, state: str, poster: Actor, now: datetime | None) -> Posting:
        if state in ("submitted", "open"):
            posting_operations.submit(row, by=poster, now=now)
        if state == "open":
            posting_operations.approve(row, by=self.zhou, now=now)
        return row

    def claim(self, posting: Posting, quantity: int = 1, *, by: str = "zhao", state: str = "active", now: datetime | None = None) -> Claim:
        """A claim in state active, ready or handed_over (taken over by chen)."""
        row = claiming.claim(posting, quantity, by=self.actors[by], now=now)
        if state in ("ready", "handed_over"):
            claiming.ready(row, by=self.actors[by], now=now)
        if state == "handed_over":
            delivering.hand_over(row, by=self.chen, now=now)
        return row

    def facts(self, delivery: Delivery, **values: object) -> Facts:
        """What chen sees at the door when all is well."""
        tail = (delivery.household.id_no or "")[-4:]
        plain = {"signer": "self", "id_tail": tail, "goods_complete": True, "place": "home", "witness": "何大妈", "strokes": STROKES}
        return Facts(**(plain | values))  # type: ignore[arg-type]

    def delivery(self, posting: Posting | None = None, *, state: str = "planned", now: datetime | None = None, **facts: object) -> Delivery:
        """A delivery of a wish in state planned, signed or confirmed."""
        wish = posting or self.wish(now=now)
        claim = self.claim(wish, state="handed_over", now=now)
        row = db.session.scalars(db.select(Delivery).where(Delivery.claim_id == claim.id)).one()
        if state in ("signed", "confirmed"):
            delivering.sign(row, self.facts(row, **facts), by=self.chen, now=now)
        if state == "confirmed":
            delivering.confirm(row, by=self.li, now=now)
        return row


def _unit(cast: Cast, key: str, name: str, level: str, parent: str | None, town: str = "") -> None:
    row = UnionUnit(code=new_code("DW"), name=name, short_name=name, level=level, town=town, path="", station=f"{town}工会服务站" if town else "")
    row.parent = cast.units[parent] if parent else None
    db.session.add(row)
    db.session.flush()
    row.path = f"{row.parent.path if row.parent else '/'}{row.id}/"
    cast.units[key] = row


def _person(cast: Cast, username: str, name: str, roles: tuple[str, ...], unit: UnionUnit | None, enterprise: Enterprise | None) -> None:
    account = Account(
        code=new_code("RY"), username=username, name=name, password_hash=password_hash(), unit_id=unit.id if unit else None,
        enterprise_id=enterprise.id if enterprise else None, created_at=utcnow(), grants=[RoleGrant(role=role) for role in roles],
    )  # fmt: skip
    db.session.add(account)
    db.session.flush()
    cast.actors[username] = Actor(
        account.id, name, frozenset(roles), unit.id if unit else None, unit.path if unit else "", enterprise.id if enterprise else None
    )


def make_cast() -> Cast:
    """Fill an empty database with the cast; call it inside an app context."""
    cast = Cast()
    _unit(cast, "city", "云湖市总工会", "city", None)
    _unit(cast, "district", "云湖经济开发区总工会", "district", "city")
    _unit(cast, "luqiao", "潞桥街道总工会", "street", "district", "潞桥街道")
    _unit(cast, "donghu", "东湖街道总工会", "street", "district", "东湖街道")
    for username, (name, unit, roles) in PEOPLE.items():
        _person(cast, username, name, roles, cast.units[unit], None)
    for number, (username, (name, firm, state)) in enumerate(CONTACTS.items(), start=1):
        first17 = f"91329900MA1K{number:05d}"
        enterprise = Enterprise(
            code=new_code("QY"), credit_code=first17 + credit_check_digit(first17), name=f"{firm}有限公司", short_name=firm, state=state,
            unit_id=cast.units["district"].id, contact_name=name, public_name=True, open_claims=0, registered_at=utcnow(),
        )  # fmt: skip
        enterprise.contact_phone = f"1990001{number:04d}"
        db.session.add(enterprise)
        db.session.flush()
        cast.enterprises[username] = enterprise
        _person(cast, username, name, ("contact",), None, enterprise)
    campaign = Campaign(
        code=new_code("HD"), name="2027 年元旦春节送温暖", unit_id=cast.units["district"].id, opens_on=cast.today - timedelta(days=20),
        claims_until=cast.today + timedelta(days=30), ends_on=cast.today + timedelta(days=40), current=True,
    )  # fmt: skip
    db.session.add(campaign)
    db.session.commit()
    cast.campaign_id = campaign.id
    return cast
