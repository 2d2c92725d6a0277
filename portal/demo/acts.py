"""The acts of the demo: each calls the operation that a person's click would call, at its moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal.database import db
from portal.demo import pictures
from portal.demo.agenda import LOCAL, Agenda
from portal.demo.cast import CLERKS, Cast
from portal.demo.data import Strokes, rows, signatures
from portal.households.models import Household
from portal.journal import Actor
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Campaign, Claim, Posting
from portal.wishes.operations import basket, claiming, clock, covering, delivering, posting
from portal.wishes.pictures import take_in

RELEASES = ("门店盘点，本月调不出货，请让给别家", "同一型号缺货，怕误了日子", "与另一个部门重复认领")
REVOKES = ("联系不上企业联系人，已过约定的日子", "企业更换经营地址，暂不能送达")
MISSES = (("not_home", "两次上门都没有人"), ("phone_dead", "电话停机，已请社区转告"), ("damaged", "外箱压坏，退回更换"))
PROXY_REASONS = ("本人上班，下班晚", "本人住院，家属代领", "本人外出，委托家属")
GENEROUS = ("E06", "E06", "E06", "E06", "E02", "E02", "E04", "E12", "E12", "E01", "E09")
"""Enterprises that claim more than others (one firm took 75 of 282: 海口 2023)."""
NEIGHBOURS = ("邵长青", "毛慧敏", "江学文")


@dataclass
class Stage:
    """What every act needs: the agenda, the cast, the campaign."""

    agenda: Agenda
    cast: Cast
    campaign_id: int

    def __post_init__(self) -> None:
        self.households = {row["no"]: row for row in rows("households")}
        self.enterprises = {row["key"]: row for row in rows("enterprises")}

    def claimant(self, household: dict[str, str], favourites: Sequence[str], taken: set[str]) -> str:
        """An approved enterprise for a wish: none of its own employees' households (慈善法 §40), none that has been there before."""
        fit = [
            key for key, row in self.enterprises.items()
            if row["state"] == "approved" and row["credit_code"] != household["employer_code"] and key not in taken
        ]  # fmt: skip
        return self.agenda.random.choice(fit + [key for key in favourites if key in fit])

    def reviewer(self) -> Actor:
        return self.cast.actors["zhou"]


class _Goods:
    """What happens to one claim and its deliveries; the same for a wish and for a part of a lot."""

    def __init__(self, stage: Stage, unit: str) -> None:
        self.stage = stage
        self.unit = unit
        self.poster, self.deliverer = (stage.cast.actors[name] for name in CLERKS[unit])
        self.posting_id = 0
        self.claim_id = 0

    @property
    def _posting(self) -> Posting:
        return db.session.get_one(Posting, self.posting_id)

    @property
    def _claim(self) -> Claim:
        return db.session.get_one(Claim, self.claim_id)

    def _deliveries(self, *states: str) -> list[Delivery]:
        query = select(Delivery).where(Delivery.claim_id == self.claim_id, Delivery.state.in_(states)).order_by(Delivery.id)
        return list(db.session.scalars(query))

    def ready(self, now: datetime) -> None:
        claim = self._claim
        actor = next(one for one in self.stage.cast.contacts.values() if one.enterprise_id == claim.enterprise_id)
        claiming.ready(claim, by=actor, now=now)

    def hand_over(self, now: datetime) -> None:
        delivering.hand_over(self._claim, by=self.deliverer, now=now)

    def refuse_goods(self, now: datetime) -> None:
        delivering.refuse_goods(self._claim, "型号和规格与心愿不符，请更换", by=self.deliverer, now=now)

    def deliver(self, now: datetime) -> None:
        for delivery in self._deliveries("planned"):
            delivering.deliver(delivery, by=self.deliverer, now=now)

    def fail(self, now: datetime) -> None:
        reason, note = self.stage.agenda.random.choice(MISSES)
        again = max(now.astimezone(LOCAL).date(), self.stage.agenda.today) + timedelta(days=2)
        for delivery in self._deliveries("planned"):
            delivering.miss(delivery, reason, again, note, by=self.deliverer, now=now)

    def sign(self, now: datetime) -> None:
        """The next household signs."""
        delivery = self._deliveries("planned", "delivered")[0]
        delivering.sign(delivery, self._facts(delivery), by=self.deliverer, now=now)

    sign_again = sign

    def _facts(self, delivery: Delivery) -> delivering.Facts:
        """Mostly the person, a drawn signature and equal digits; now and then a proxy, a paper slip, other digits."""
        random, household = self.stage.agenda.random, delivery.household
        kind = random.choices(("plain", "photo", "proxy", "slip", "digits"), (64, 16, 10, 7, 3))[0]
        drawn: Strokes = random.choice(signatures())
        facts: dict[str, Any] = {
            "signer": "self", "id_tail": (household.id_no or "")[-4:], "goods_complete": True, "witness": self.poster.name,
            "place": "home" if delivery.posting.mode == "visit" else random.choice(("station", "station", "home", "work")),
            "strokes": json.dumps(drawn),
        }  # fmt: skip
        if kind == "photo":
            facts["photos"] = (("goods", take_in(pictures.goods(random))),)
        elif kind == "proxy":
            facts |= self._proxy(household)
        elif kind == "slip":
            facts |= {"strokes": "", "photos": (("slip", take_in(pictures.slip(drawn))),)}
        elif kind == "digits":
            facts |= {"id_tail": "0000", "despite_id": True}
        return delivering.Facts(**facts)

    def _proxy(self, household: Household) -> dict[str, str]:
        random = self.stage.agenda.random
        adult = next((member for member in household.members if member.relation in ("spouse", "parent")), None)
        name, relation = (adult.name or "", adult.relation) if adult else (random.choice(NEIGHBOURS), "neighbour")
        return {"signer": "proxy", "proxy_name": name, "proxy_relation": relation, "proxy_reason": random.choice(PROXY_REASONS)}

    def confirm(self, now: datetime) -> None:
        delivering.confirm(self._deliveries("signed")[0], by=self.stage.cast.actors["li"], now=now)

    def reverse(self, now: datetime) -> None:
        for delivery in self._deliveries("signed", "confirmed"):
            delivering.reverse(delivery, "签收人与档案不是同一户，送错了门", by=self.stage.cast.actors["li"], now=now)


class WishAct(_Goods):
    """The acts of one wish."""

    def __init__(self, stage: Stage, row: dict[str, str]) -> None:
        self.row = row
        self.home = stage.households[row["household"]]
        self.claimants: list[str] = []
        super().__init__(stage, self.home["unit"])

    def create(self, latest: date, as_typed: bool, now: datetime) -> None:
        """``as_typed``: with the text as staff typed it first, before any review."""
        unit = self.stage.cast.units[self.unit]
        point = {"station": unit.station, "visit": "上门，工会人员陪同", "arranged": "提供方安排时间"}[self.row["mode"]]
        draft = posting.Draft(
            title=self.row["item"], category=self.row["category"], latest_day=latest, mode=self.row["mode"], point=point, spec=self.row["spec"],
            public_text=self.row["source_text"] if as_typed else self.row["public_text"], value_fen=int(self.row["value_yuan"]) * 100,
        )  # fmt: skip
        household = db.session.get_one(Household, self.stage.cast.households[self.row["household"]])
        campaign = db.session.get_one(Campaign, self.stage.campaign_id)
        written = posting.create("wish", draft, campaign, household, unit_id=unit.id, town=unit.town, by=self.poster, now=now)
        self.posting_id = written.id

    def submit(self, now: datetime) -> None:
        posting.submit(self._posting, by=self.poster, now=now)

    def approve(self, now: datetime) -> None:
        """Pass it; a text as it was typed is put into neutral words in the same breath."""
        row = self._posting
        amended = self.row["public_text"] if row.public_text != self.row["public_text"] else None
        posting.approve(row, text=amended, by=self.stage.reviewer(), now=now)

    def send_back(self, reason: str, note: str, now: datetime) -> None:
        posting.send_back(self._posting, reason, note, by=self.stage.reviewer(), now=now)

    def withdraw(self, now: datetime) -> None:
        posting.withdraw(self._posting, "本人已从单位领到，不再需要", by=self.poster, now=now)

    def sweep(self, now: datetime) -> None:
        """The promise clock strikes: what is overdue lapses, what is past its day expires."""
        clock.sweep(now)

    def _next_claimant(self) -> Actor:
        key = self.stage.claimant(self.home, GENEROUS, set(self.claimants))
        self.claimants.append(key)
        return self.stage.cast.contacts[key]

    def claim(self, now: datetime) -> None:
        self.claim_id = claiming.claim(self._posting, 1, by=self._next_claimant(), now=now).id

    def wait(self, now: datetime) -> None:
        claiming.wait(self._posting, 1, by=self._next_claimant(), now=now)

    def cover(self, now: datetime) -> None:
        self.claim_id = covering.cover(self._posting, 1, by=self.stage.cast.actors["li"], now=now).id

    def release(self, now: datetime) -> None:
        reason = self.stage.agenda.random.choice(RELEASES)
        claiming.release(self._claim, reason, by=self.stage.cast.contacts[self.claimants[0]], now=now)

    def revoke(self, now: datetime) -> None:
        claiming.revoke(self._claim, self.stage.agenda.random.choice(REVOKES), by=self.stage.reviewer(), now=now)


class PackAct(_Goods):
    """The acts of one lot of packs."""

    def __init__(self, stage: Stage, row: dict[str, str]) -> None:
        super().__init__(stage, row["unit"])
        self.row = row
        below = [unit["key"] for unit in rows("units") if row["unit"] in (unit["key"], unit["parent"], "district")]
        self.named = [no for no, home in stage.households.items() if home["unit"] in below and home["file_state"] != "closed"]

    def create(self, latest: date, now: datetime) -> None:
        unit = self.stage.cast.units[self.unit]
        draft = posting.Draft(
            title=self.row["title"], category="pack", latest_day=latest, mode="station", point=unit.station, spec="每户一份",
            public_text=self._contents(), value_fen=int(self.row["value_yuan"]) * 100, quantity=int(self.row["quantity"]), items=self._items(),
        )  # fmt: skip
        campaign = db.session.get_one(Campaign, self.stage.campaign_id)
        written = posting.create("pack", draft, campaign, None, unit_id=unit.id, town=unit.town, by=self.poster, now=now)
        self.posting_id = written.id

    def _lines(self) -> list[dict[str, str]]:
        return [line for line in rows("pack_contents") if line["pack"] == self.row["no"]]

    def _contents(self) -> str:
        return "、".join(f"{line['name']} {line['amount']}" for line in self._lines()) + "。"

    def _items(self) -> tuple[posting.Item, ...]:
        return tuple(
            posting.Item(line["name"], line["amount"], True, line["licence"], line["producer"], line["batch"],
                         self.stage.agenda.day(-int(line["produced_days_ago"])), int(line["shelf_days"]))
            if line["is_food"] == "yes" else posting.Item(line["name"], line["amount"])
            for line in self._lines()
        )  # fmt: skip

    def submit(self, now: datetime) -> None:
        posting.submit(self._posting, by=self.poster, now=now)

    def approve(self, now: datetime) -> None:
        posting.approve(self._posting, by=self.stage.reviewer(), now=now)

    def name(self, start: int, stop: int, now: datetime) -> None:
        """Name the households from ``start`` to ``stop`` of the unit's list."""
        ids = [self.stage.cast.households[no] for no in self.named[start:stop]]
        homes = list(db.session.scalars(select(Household).where(Household.id.in_(ids)).order_by(Household.id)))
        posting.name_recipients(self._posting, homes, by=self.poster, now=now)

    def share(self, plan: dict[str, Any]) -> ShareAct:
        """The part of this lot that one claimant takes."""
        return ShareAct(self, plan)


class ShareAct(_Goods):
    """The acts of one claimant's part of a lot."""

    def __init__(self, lot: PackAct, plan: dict[str, Any]) -> None:
        super().__init__(lot.stage, lot.unit)
        self.lot = lot
        self.plan = plan

    def claim(self, now: datetime) -> None:
        self.posting_id = self.lot.posting_id
        self.claim_id = claiming.claim(self._posting, self.plan["quantity"], by=self.stage.cast.contacts[self.plan["by"]], now=now).id

    def cover(self, now: datetime) -> None:
        self.posting_id = self.lot.posting_id
        self.claim_id = covering.cover(self._posting, self.plan["quantity"], by=self.stage.cast.actors["li"], now=now).id


def fill_basket(stage: Stage, username: str, now: datetime) -> None:
    """Put the three most urgent wishes that one may claim into the basket of an enterprise; it reserves nothing."""
    by = stage.cast.actors[username]
    free = select(Posting).where(Posting.kind == "wish", Posting.state == "open", Posting.claimed == 0).order_by(Posting.latest_day, Posting.id)
    fit = [row for row in db.session.scalars(free) if not claiming.employs(row.household_id, by.enterprise_id)]
    for row in fit[:3]:
        basket.put(row, by=by, now=now)
