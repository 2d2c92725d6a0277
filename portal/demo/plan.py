"""Turns the plan of story.toml into acts on the agenda: who posts, claims, delivers and confirms what, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from portal.demo.acts import PackAct, Stage, WishAct
from portal.demo.agenda import Agenda, Strand
from portal.demo.data import rows, story

FIRST = -19
"""The day of the first publications; one day before is for writing."""
HOURS = {"ready": 10, "refuse_goods": 14, "hand_over": 14, "deliver": 15, "fail": 16, "sign": 15, "confirm": 10, "reverse": 9, "sign_again": 16}


@dataclass(frozen=True)
class Way:
    """One block [[path]] of the story."""

    name: str
    wishes: tuple[dict[str, str], ...]
    plan: dict[str, Any]


def wish_ways(agenda: Agenda) -> Iterator[Way]:
    """Deal the wishes out to the ways: those that a way names, then by lot."""
    wishes = {row["no"]: row for row in rows("wishes")}
    plans = story()["path"]
    named = {str(number) for plan in plans for number in plan.get("wishes", ())}
    lots = [row for number, row in wishes.items() if number not in named]
    agenda.random.shuffle(lots)
    for plan in plans:
        chosen = [wishes[str(number)] for number in plan.get("wishes", ())]
        chosen += [lots.pop() for _ in range(plan["count"] - len(chosen))]
        yield Way(plan["name"], tuple(chosen), plan)


def put_wishes(stage: Stage) -> None:
    """Put the story of every wish on the agenda."""
    for way in wish_ways(stage.agenda):
        for number, row in enumerate(way.wishes):
            _put_wish(stage, way, number, row)


def _put_wish(stage: Stage, way: Way, number: int, row: dict[str, str]) -> None:
    random, strand = stage.agenda.random, stage.agenda.strand()
    act = WishAct(stage, row)
    if "claim" in way.plan or "first" in way.plan or way.name in ("open", "withdrawn", "expired"):
        _put_published(stage, way, act, strand)
        return
    start = random.randrange(-6, -1) if way.name == "returned" else random.randrange(-3, 0)
    revealing = way.name in ("submitted_revealing", "returned")
    strand.at(start, 10, act.create, stage.agenda.day(random.randrange(15, 36)), revealing)
    if way.name != "draft":
        strand.at(start, 11, act.submit)
    if way.name == "returned":
        strand.at(start + 1, 9, act.send_back, way.plan["reasons"][number], way.plan["notes"][number])


def _put_published(stage: Stage, way: Way, act: WishAct, strand: Strand) -> None:
    random = stage.agenda.random
    claimed = _claim_day(stage, way)
    opened = max(FIRST, claimed - random.randrange(1, 5))
    latest = opened + 12 if way.name == "expired" else random.randrange(6, 37)
    strand.at(opened - 1, 10, act.create, stage.agenda.day(latest), bool(act.row["reveals"]))
    strand.at(opened - 1, 11, act.submit)
    strand.at(opened, 9, act.approve)
    if way.name == "withdrawn":
        strand.at(opened + 4, 15, act.withdraw)
    elif way.name == "expired":
        strand.at(latest + 1, 0, act.sweep)
    elif "first" in way.plan:
        _put_first(way.plan["first"], act, strand, claimed)
    elif "claim" in way.plan:
        _put_claim(way, act, strand, claimed)


def _claim_day(stage: Stage, way: Way) -> int:
    random = stage.agenda.random
    spans = {"lapse": (-14, -9), "release": (-12, -5), "revoke": (-12, -6), "promote": (-6, -4)}
    if way.name == "expired":
        return FIRST + random.randrange(1, 4)
    low, high = way.plan.get("claim") or spans.get(way.plan.get("first", ""), (-14, 0))
    return int(random.randrange(low, high + 1))


def _put_first(ending: str, act: WishAct, strand: Strand, day: int) -> None:
    """An earlier claim that did not come to its end."""
    strand.at(day, 13, act.claim)
    if ending == "lapse":
        strand.at(day + story()["campaign"]["ready_days"] + 1, 0, act.sweep)
    elif ending == "release":
        strand.at(day + 2, 9, act.release)
    elif ending == "revoke":
        strand.at(day + 3, 9, act.revoke)
    else:
        strand.at(day + 1, 10, act.wait)
        strand.at(day + 3, 11, act.release)


def _put_claim(way: Way, act: WishAct, strand: Strand, day: int) -> None:
    hour = act.stage.agenda.random.randrange(9, 18)
    strand.at(day, hour, act.cover if way.plan.get("cover") else act.claim)
    if way.name == "claimed_with_backup":
        strand.at(day, min(hour + 2, 20), act.wait)
    for step, after in way.plan.get("then", {}).items():
        strand.at(day + after, HOURS[step], getattr(act, step))


def put_packs(stage: Stage) -> None:
    """Put the story of every lot of packs on the agenda."""
    lots = {row["no"]: row for row in rows("packs")}
    for plan in story()["pack"]:
        _put_pack(stage, PackAct(stage, lots[str(plan["no"])]), plan)


def _put_pack(stage: Stage, act: PackAct, plan: dict[str, Any]) -> None:
    strand = stage.agenda.strand()
    state = plan.get("state", "open")
    start = -3 if state != "open" else -18
    strand.at(start, 10, act.create, stage.agenda.day(stage.agenda.random.randrange(24, 36)))
    if state == "draft":
        return
    strand.at(start, 11, act.submit)
    if state == "submitted":
        return
    strand.at(start + 1, 9, act.approve)
    if plan["named"]:
        strand.at(start + 2, 10, act.name, 0, plan["named"] // 2)
        strand.at(start + 3, 10, act.name, plan["named"] // 2, plan["named"])
    for share in plan["claims"]:
        _put_share(act, share, stage.agenda.strand())


def _put_share(act: PackAct, share: dict[str, Any], strand: Strand) -> None:
    """One enterprise's part of a lot."""
    claim = act.share(share)
    strand.at(share["claim"], 14, claim.cover if share.get("cover") else claim.claim)
    for step in ("ready", "hand_over"):
        if step in share:
            strand.at(share["claim"] + share[step], HOURS[step], getattr(claim, step))
    if "confirmed" in share:
        day = share["claim"] + share["hand_over"] + 2
        _put_each(strand, day, claim.sign, share["confirmed"])
        _put_each(strand, day + 1, claim.confirm, share["confirmed"])
        _put_each(strand, day + 2, claim.sign, share.get("signed", 0))


def _put_each(strand: Strand, day: int, act: Callable[..., None], times: int) -> None:
    """The same act for one household after the other, over a working day."""
    for number in range(times):
        strand.at(day, 9 + number * 8 // times, act)
