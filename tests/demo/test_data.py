"""The demo's data files are what their README says: true forms, unreal people, no revealing word in a public text."""

import csv
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from portal import codes

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "portal" / "demo"
REVEALING = re.compile(
    r"患|癌|病|瘫|残|化疗|血糖高|高血压|糖尿|自闭|脑瘫|白血|孤儿|单亲|低保|困难|贫困|留守|流动|卧床|失聪|听力|视力|"
    r"丈夫|妻子|爱人|老伴|奶奶|爷爷|妈妈|爸爸|父亲|母亲|孙女|孙子|女儿|弟弟|学校|幼儿园|[一二三四五六七八九]年级|\d+ ?岁|栋|\d{7,}"
)


def rows(name: str) -> list[dict[str, str]]:
    with open(DEMO / f"{name}.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def categories() -> dict[str, dict[str, str]]:
    with open(ROOT / "portal" / "wishes" / "categories.toml", "rb") as file:
        return {entry["code"]: entry for entry in tomllib.load(file)["category"]}


def story() -> dict:
    return tomllib.loads((DEMO / "story.toml").read_text(encoding="utf-8"))


def test_wishes_are_complete_and_known():
    wishes = rows("wishes")
    assert len([wish for wish in wishes if wish["origin"] == "published"]) == 160
    assert {wish["category"] for wish in wishes} == set(categories())
    for wish in wishes:
        assert wish["source_text"] and wish["item"], wish["no"]
        assert wish["mode"] in ("station", "visit", "arranged") and wish["beneficiary"] in ("adult", "child", "elder")
        assert wish["value_yuan"] == "0" or 50 <= int(wish["value_yuan"]) <= 2600, wish["no"]
        assert bool(wish["public_text"]) == (wish["use"] == "wish"), wish["no"]
        assert categories()[wish["category"]]["kind"] == "service" or wish["mode"] != "arranged"


@pytest.mark.parametrize("wish", [wish for wish in rows("wishes") if wish["use"] == "wish"], ids=lambda wish: wish["no"])
def test_public_text_reveals_nothing(wish):
    shown = f"{wish['item']} {wish['spec']} {wish['public_text']}"
    assert not REVEALING.search(shown), shown


def test_some_source_texts_do_reveal():
    revealing = [wish for wish in rows("wishes") if wish["reveals"]]
    assert len(revealing) >= 30
    assert sum(bool(REVEALING.search(wish["source_text"])) for wish in revealing) >= 25


def test_people_have_codes_of_valid_form_and_unreal_origin():
    found = [codes.resident_id(row["id_number"]) for row in rows("households")]
    assert len({person.number for person in found}) == 160
    assert {person.number[:6] for person in found} == {"329900"}
    assert 5 <= sum(len(row["id_number"]) == 15 for row in rows("households")) <= 40
    for row in rows("households") + rows("enterprises"):
        assert codes.phone(row["phone"]).startswith("1690")


def test_enterprises_and_licences_have_valid_codes():
    firms = rows("enterprises")
    assert Counter(firm["state"] for firm in firms) == {"approved": 21, "pending": 2, "suspended": 1}
    assert len({codes.credit_code(firm["credit_code"]) for firm in firms}) == 24
    known = {firm["credit_code"] for firm in firms} | {""}
    assert all(row["employer_code"] in known for row in rows("households"))
    for line in rows("pack_contents"):
        if line["is_food"] == "yes":
            codes.food_licence(line["licence"])
            assert line["producer"] and line["batch"] and int(line["shelf_days"]) - int(line["produced_days_ago"]) > 45
        else:
            assert not line["licence"] + line["batch"]


def test_units_are_a_tree_and_everything_belongs_to_one():
    units = {unit["key"]: unit for unit in rows("units")}
    for unit in units.values():
        assert not unit["parent"] or unit["parent"] in units
    assert all(row["unit"] in units for row in rows("households") + rows("packs"))
    assert all(row["unit"] in units or row["enterprise"] for row in rows("accounts"))


def test_wishes_fit_their_households():
    homes = {row["no"]: row for row in rows("households")}
    with_child = {row["household"] for row in rows("household_members") if row["school"]}
    per_home = Counter(wish["household"] for wish in rows("wishes"))
    assert max(per_home.values()) <= 2 and 1.3 <= 168 / len(per_home) <= 1.5
    for wish in rows("wishes"):
        assert homes[wish["household"]]["file_state"] == "filed"
        assert wish["beneficiary"] != "child" or wish["household"] in with_child


def test_story_uses_every_wish_once_and_follows_its_shares():
    ways = {way["name"]: way for way in story()["path"]}
    assert sum(way["count"] for way in ways.values()) == 168
    never = sum(ways[name]["count"] for name in ("draft", "submitted", "submitted_revealing", "returned"))
    claimed = sum(way["count"] for way in ways.values() if "claim" in way or way.get("first") == "promote")
    fulfilled = ways["confirmed"]["count"] + ways["cover_confirmed"]["count"]
    goals = {share["name"]: share["goal"] for share in story()["share"]}
    assert claimed / (168 - never) == pytest.approx(goals["claimed of published"], abs=0.02)
    assert fulfilled / (168 - never) == pytest.approx(goals["fulfilled of published"], abs=0.02)
    lots = {row["no"]: int(row["quantity"]) for row in rows("packs")}
    for lot in story()["pack"]:
        assert sum(claim["quantity"] for claim in lot["claims"]) <= lots[str(lot["no"])]


def test_campaign_cases_follow_from_their_units():
    cases = tomllib.loads((ROOT / "tests" / "data" / "campaign_cases.toml").read_text(encoding="utf-8"))
    assert len(cases["case"]) >= 15 and cases["inconsistent"]
    for case in cases["case"]:
        expect, rates = case["expect"], case.get("rates", {})
        for name, top, base in (("claim", "claimed", "published"), ("fulfil", "fulfilled", "published"), ("keep", "fulfilled", "claimed")):
            if name in rates:
                half_up = f"{int(expect[top] * 1000 / expect[base] + 0.5) / 10:.1f}" if expect[base] else ""
                assert rates[name] == half_up, case["name"]
        assert expect["fulfilled"] <= expect.get("claimed", 10**6) and expect.get("covered", 0) <= expect.get("claimed", 0)
    for row in cases["inconsistent"]:
        printed = row["printed"]
        assert not printed["published"] >= printed["claimed"] >= printed["fulfilled"], row["name"]
