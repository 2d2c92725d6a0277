"""A small world with one thing of every kind in every place, and a value of its own in every personal column.

    world.things["posting.open"]["donghu"]     # {"code": "WX-…"}: what an address needs
    world.reach["zhou"]                        # the holders whose things a person may see
    world.secrets                              # (holder, column, value): what outsiders must never read

Holders are units (luqiao and donghu under district, abroad under another root), enterprises (zhao, sun, wu) and the hall.
The fixture ``world`` gives it on a database of its own, made once for each run; ``app`` of such a test is ``world_app``.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import update

from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.codes import credit_check_digit, new_code
from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.households.models import Household, Member
from portal.noticeboard import operations as board
from portal.noticeboard.models import Erratum, Publication
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Campaign, Posting
from portal.wishes.operations import basket, claiming, delivering
from portal.wishes.operations import posting as postings
from portal.wishes.pictures import take_in
from tests.cast import Cast, id_number, password_hash

STAFF = ("lin", "chen", "he", "zhou", "li", "gu", "admin")
FIRMS = ("zhao", "sun", "wu")
PEOPLE = ("public", *STAFF, *FIRMS)
PLACES = ("luqiao", "donghu", "abroad")
_DISTRICT = frozenset({"luqiao", "donghu", "district", "hall"})
REACH: dict[str, frozenset[str]] = {
    "public": frozenset({"hall"}), "lin": frozenset({"luqiao", "hall"}), "chen": frozenset({"luqiao", "hall"}),
    "he": frozenset({"donghu", "hall"}), "zhou": _DISTRICT, "li": _DISTRICT, "gu": _DISTRICT, "admin": _DISTRICT | {"city"},
    "zhao": frozenset({"zhao", "hall"}), "sun": frozenset({"sun", "hall"}), "wu": frozenset({"wu", "hall"}),
}  # fmt: skip


@dataclass
class World:
    """What was made, as plain data: it outlives the database session that made it."""

    things: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    secrets: list[tuple[str, str, str]] = field(default_factory=list)
    codes: dict[str, list[str]] = field(default_factory=dict)  # by holder: codes that only those in reach may read

    def save(self, file: Path) -> None:
        """Keep it beside the template of the database."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> World:
        """What ``save`` kept."""
        kept = json.loads(file.read_text(encoding="utf-8"))
        return cls(kept["things"], [tuple(secret) for secret in kept["secrets"]], kept["codes"])

    def put(self, kind: str, holder: str, *, hidden: bool = True, **values: str) -> None:
        """Keep the address of a thing; ``hidden`` codes must not be read by people out of its reach."""
        self.things.setdefault(kind, {})[holder] = values
        if hidden:
            self.codes.setdefault(holder, []).extend(value for value in values.values() if "-" in value)

    def secret(self, holder: str, column: str, value: str) -> str:
        """Remember a value that was planted in a column."""
        self.secrets.append((holder, column, value))
        return value

    def beyond(self, person: str) -> set[str]:
        """Codes of the things that a person must never read."""
        seen = REACH[person] | ({"zhao", "sun", "wu"} if person in STAFF else set())
        hidden = {code for holder, codes in self.codes.items() if holder not in seen for code in codes}
        return hidden - {code for holder in seen for code in self.codes.get(holder, ())}


def photo(colour: str) -> bytes:
    """A small JPEG."""
    raw = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(raw, "JPEG")
    return raw.getvalue()


class _Builder:
    def __init__(self, cast: Cast) -> None:
        self.cast, self.world, self.serial = cast, World(), 500

    def number(self) -> int:
        self.serial += 1
        return self.serial

    # -- people and places ---------------------------------------------------------------------------------------------------------

    def unit(self, key: str, parent: UnionUnit | None, level: str, town: str = "", active: bool = True) -> UnionUnit:
        row = UnionUnit(
            code=new_code("DW"), name=f"{key}总工会", short_name=f"{key}总工会", level=level, town=town, path="", station=f"{town}站", active=active
        )
        row.parent = parent
        db.session.add(row)
        db.session.flush()
        row.path = f"{parent.path if parent else '/'}{row.id}/"
        self.cast.units[key] = row
        return row

    def account(self, username: str, unit: UnionUnit, active: bool = True) -> str:
        name = self.world.secret("staff", "account.name", f"账{chr(0x9E00 + self.number())}{username}")
        row = Account(
            code=new_code("RY"), username=username, name=name, password_hash=password_hash(), unit_id=unit.id, active=active,
            created_at=utcnow(), grants=[RoleGrant(role="clerk")],
        )  # fmt: skip
        db.session.add(row)
        return row.code

    def administration(self) -> None:
        put, units = self.world.put, self.cast.units
        self.unit("abroad_top", None, "city")
        self.unit("abroad", units["abroad_top"], "street", "外湖街道")
        for holder, top, town in (("district", units["district"], "西坡街道"), ("abroad", units["abroad_top"], "外坡街道")):
            # Only administrators meet units and accounts by their codes; their names stand on many pages.
            put("unit", holder, code=self.unit(f"{holder}_spare", top, "street", town).code)
            put("unit.retired", holder, code=self.unit(f"{holder}_retired", top, "street", town, active=False).code)
            put("account", holder, code=self.account(f"{holder}_somebody", top))
            put("account.closed", holder, code=self.account(f"{holder}_gone", top, active=False))
            put("campaign", holder, code=self.campaign(units[holder]).code)
        for key in FIRMS:
            self.world.secret(key, "enterprise.contact_phone", self.cast.enterprises[key].contact_phone or "")
            self.world.secret(key, "account.name", self.cast.actors[key].name)
        for name in STAFF[:-1]:  # the administrator's name is a word that help pages use
            self.world.secret("staff", "account.name", self.cast.actors[name].name)
        db.session.commit()

    def campaign(self, unit: UnionUnit) -> Campaign:
        today = self.cast.today
        row = Campaign(
            code=new_code("HD"), name="另一个活动", unit_id=unit.id, opens_on=today - timedelta(days=5), claims_until=today + timedelta(days=30),
            ends_on=today + timedelta(days=40), current=False,
        )  # fmt: skip
        db.session.add(row)
        db.session.commit()
        return row

    def enterprises(self) -> None:
        for holder, unit in (("district", "district"), ("abroad", "abroad")):
            for state in ("pending", "approved", "suspended"):
                number = self.number()
                first17 = f"91329900MA2K{number:05d}"
                row = Enterprise(
                    code=new_code("QY"), credit_code=first17 + credit_check_digit(first17), name=f"{holder}{state}有限公司", short_name=f"{holder}{state}",
                    state=state, unit_id=self.cast.units[unit].id, contact_name=self.world.secret("firms", "enterprise.contact_name", f"联{chr(0x9E00 + number)}络"),
                    public_name=False, open_claims=0, registered_at=utcnow(),
                )  # fmt: skip
                row.contact_phone = self.world.secret("firms", "enterprise.contact_phone", f"1881{number:07d}")
                db.session.add(row)
                self.world.put(f"enterprise.{state}", holder, code=row.code)
        db.session.commit()

    # -- households and postings ----------------------------------------------------------------------------------------------------

    def household(self, place: str) -> Household:
        """A file with a value of its own in every personal column."""
        n, keep = self.number(), self.world.secret
        row = self.cast.household(
            place,
            name=keep(place, "household.name", f"仝{chr(0x8C00 + n)}{chr(0x9500 + n)}"), id_no=keep(place, "household.id_no", id_number(n, "19710203")),
            phone=keep(place, "household.phone", f"1992{n:07d}"), address=keep(place, "household.address", f"暗语路{n}弄{n + 7}号"),
            bank_card=keep(place, "household.bank_card", f"622848001234{n:07d}"), employer=keep(place, "household.employer", f"金丝雀{n}织造厂"),
        )  # fmt: skip
        parent = Member(code=new_code("CY"), relation="parent", birth_year=1945, household_id=row.id)
        parent.name, parent.employer = (
            keep(place, "member.name", f"祖{chr(0x8D00 + n)}{chr(0x9600 + n)}"),
            keep(place, "member.employer", f"百灵鸟{n}号公司"),
        )
        row.members[0].name = keep(place, "member.name", f"幼{chr(0x8E00 + n)}{chr(0x9700 + n)}")
        row.members[0].school = keep(place, "member.school", f"画眉{n}小学")
        db.session.add(parent)
        db.session.commit()
        self.world.put("household", place, code=row.code, household=row.code, member=parent.code, purpose="publish_wish")
        return row

    def wish(self, place: str, state: str) -> Posting:
        return self.cast.wish(state, unit=place, household=self.household(place))

    def lot(self, place: str, state: str) -> Posting:
        row = self.cast.lot(4, state, unit=place)
        self.world.put("lot." + state, place, hidden=state != "open", code=row.code)
        return row

    def postings(self, place: str) -> None:
        put = self.world.put
        for state in ("draft", "submitted", "open"):
            put(f"posting.{state}", place, hidden=state != "open", code=self.wish(place, state).code)
        returned = self.wish(place, "submitted")
        postings.send_back(returned, "unclear", self.world.secret(place, "posting.return_note", f"退回暗语{self.number()}"), by=self.cast.zhou)
        put("posting.returned", place, code=returned.code)
        for state in ("draft", "open"):
            lot = self.lot(place, state)
            home = self.household(place)
            postings.name_recipients(lot, [home], by=self.cast.lin)
            put("lot.named." + state, place, hidden=False, code=lot.code, household=home.code)

    def claims(self, place: str) -> None:
        put = self.world.put
        for state in ("active", "ready"):
            code = self.cast.claim(self.wish(place, "open"), state=state).code
            put(f"claim.{state}", place, code=code)
            self.world.codes.setdefault("zhao", []).append(code)
        put("delivery.planned", place, code=self.delivery(place).code)
        delivered = self.delivery(place)
        delivering.deliver(delivered, by=self.cast.chen)
        put("delivery.delivered", place, code=delivered.code)
        missed = self.delivery(place)
        note = self.world.secret(place, "delivery.miss_note", f"没签成暗语{self.number()}")
        delivering.miss(missed, "other", self.cast.today + timedelta(days=1), note, by=self.cast.chen)
        put("delivery.failed", place, code=missed.code)
        for state in ("signed", "confirmed"):
            self.signed(place, state)

    def delivery(self, place: str) -> Delivery:
        return self.cast.delivery(self.wish(place, "open"))

    def signed(self, place: str, state: str) -> None:
        """A clean sign-off to confirm, and one by a proxy with a photo."""
        clean, row, n = self.delivery(place), self.delivery(place), self.number()
        keep = self.world.secret
        strokes = "[[" + ",".join(f"[{0.1 + 0.07 * step + n / 9999:.4f},{0.1 + 0.2 * (step % 2) + n / 9999:.4f}]" for step in range(10)) + "]]"
        delivering.sign(clean, self.cast.facts(clean, strokes=strokes), by=self.cast.chen)
        facts = self.cast.facts(
            row, signer="proxy", proxy_name=keep(place, "sign_off.proxy_name", f"代{chr(0x8F00 + n)}{chr(0x9800 + n)}"), proxy_relation="neighbour",
            proxy_reason=keep(place, "sign_off.proxy_reason", f"代签暗语{n}"), witness=keep(place, "sign_off.witness", f"见{chr(0x9100 + n)}{chr(0x9900 + n)}"),
            photos=(("goods", take_in(photo("red"))),),
        )  # fmt: skip
        delivering.sign(row, facts, by=self.cast.chen)
        keep(place, "sign_off.strokes", clean.sign_off.strokes or "" if clean.sign_off else "")
        if state == "confirmed":
            delivering.confirm(clean, by=self.cast.li)
        self.world.put(f"delivery.{state}", place, code=clean.code)
        self.world.put(f"delivery.proxy.{state}", place, code=row.code, number=f"{row.code}-1")

    def firms(self) -> None:
        """What each enterprise has of its own: claims in several states, a basket, a batch; and one that waits in line."""
        for firm in ("zhao", "sun"):
            by = self.cast.actors[firm]
            for state in ("active", "ready", "handed_over"):
                row = self.cast.claim(self.wish("luqiao", "open"), by=firm, state=state)
                self.world.put(f"own.{state}", firm, code=row.code)
            batch = f"PC-{firm.upper()}0000001"
            claiming.claim(self.wish("luqiao", "open"), 1, by=by, batch=batch)
            self.world.put("batch", firm, batch=batch)
            basket.put(self.wish("luqiao", "open"), 1, by=by)
        taken = self.wish("luqiao", "open")
        self.cast.claim(taken, by="zhao")
        self.world.put("taken", "hall", hidden=False, code=taken.code)
        released = self.cast.claim(self.wish("luqiao", "open"), by="sun")
        claiming.release(released, self.world.secret("sun", "claim.end_reason", "释放暗语 99"), by=self.cast.sun)

    def hall(self) -> None:
        for kind, make in (("wish", self.wish), ("pack", self.cast_lot)):
            self.world.put(f"shown.{kind}", "hall", hidden=False, code=make("donghu", "open").code)
            self.world.put(f"shown.{kind}", "luqiao_draft", hidden=False, code=make("luqiao", "draft").code)
        withdrawn = self.wish("luqiao", "open")
        postings.withdraw(withdrawn, "不再需要", by=self.cast.lin)
        self.world.things["shown.wish"]["luqiao_withdrawn"] = {"code": withdrawn.code}

    def cast_lot(self, place: str, state: str) -> Posting:
        return self.cast.lot(6, state, unit=place)

    # -- the board ------------------------------------------------------------------------------------------------------------------

    def publication(self, unit: str, state: str, title: str) -> Publication:
        """An issue in a state; written past the operations, because the checks want a campaign of hundreds."""
        campaign = self.campaign(self.cast.units[unit])
        row = board.draft(campaign, board.Plan(title, campaign.opens_on, self.cast.today, ""), by=self.cast.li)
        if state != "draft":
            values: dict[str, Any] = {"state": state, "submitted_at": utcnow()}
            if state == "published":
                values |= {"published_by": self.cast.zhou.id, "published_at": utcnow(), "year": 2026, "number": row.id, "sha256": "0" * 64}
            db.session.execute(update(Publication).where(Publication.id == row.id).values(**values))
            db.session.commit()
            db.session.expire_all()
        return row

    def board(self) -> None:
        for holder, units in (("district", ("district", "luqiao", "donghu")), ("abroad", ("abroad", "abroad_top", "abroad_spare"))):
            for unit, state in zip(units, ("draft", "submitted", "published"), strict=True):
                row = self.publication(unit, state, f"公示 {holder} {state}")
                self.world.put(f"publication.{state}", holder, hidden=state != "published", code=row.code)
            issue = self.world.things["publication.published"][holder]["code"]
            there = db.session.scalars(db.select(Publication).where(Publication.code == issue)).one()
            erratum = Erratum(
                code=new_code("KW"),
                publication_id=there.id,
                unit_id=there.unit_id,
                text="更正一个数字。",
                drafted_by=self.cast.li.id,
                drafted_at=utcnow(),
            )
            db.session.add(erratum)
            db.session.commit()
            self.world.put("erratum", holder, code=erratum.code)
        self.world.put("issue", "hall", hidden=False, **self.world.things["publication.published"]["district"])
        self.world.put("issue", "unpublished", hidden=False, **self.world.things["publication.submitted"]["district"])


def build(cast: Cast) -> World:
    """Fill the database of the cast; call it inside an app context."""
    make = _Builder(cast)
    make.administration()
    make.enterprises()
    for place in PLACES:
        make.postings(place)
        make.claims(place)
    make.firms()
    make.hall()
    make.board()
    db.session.commit()
    return make.world
