"""The hall: what is found, in which order, with which counts; which buttons who sees; the same number of questions for 1 and 30 rows."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import event

from portal.database import db, utcnow
from portal.wishes import cards, hall_figures, hall_queries
from portal.wishes.hall_queries import Asked
from portal.wishes.models import Posting
from portal.wishes.operations import claiming
from tests.reader import Reader
from tests.strict_html import text_of


def titles(page):
    return [text_of(element) for element in page.find("#results h3")]


def find(**asked):
    return hall_queries.find(Asked(**({"kind": "wish"} | asked)), hall_figures.read())


def codes(found):
    return [line.code for line in found.lines]


@pytest.fixture
def shelf(cast):
    """A few wishes that differ in everything one can ask for."""
    today = cast.today
    return {
        "heater": cast.wish(title="一台取暖器", category="home", value_fen=28_000, latest_day=today + timedelta(days=20)),
        "coat": cast.wish(
            title="一件羽绒服",
            category="clothes",
            value_fen=35_000,
            latest_day=today + timedelta(days=8),
            spec="175/96A",
            public_text="骑车上下班穿。",
        ),
        "rice": cast.wish(title="米、面、油一份", category="food", value_fen=9_000, unit="donghu", point="东湖街道工会服务站"),
        "course": cast.wish(
            title="电工取证培训", category="skill", value_fen=120_000, mode="arranged", point="", unit="donghu", latest_day=today + timedelta(days=35)
        ),
    }


@pytest.mark.parametrize(
    ("typed", "hit"),
    [
        ("取暖", "heater"), ("暖", "heater"), ("qnq", "heater"), ("骑车", "coat"), ("175", "coat"), ("米面油", "rice"), ("东湖街道", "rice course"),
        ("技能培训", "course"), ("电工 培训", "course"), ("没有的字", ""), ("！？", ""), ("QNQ", "heater"), ("取暖 羽绒", ""),
    ],
)  # fmt: skip
def test_search_finds_any_part(shelf, typed, hit):
    found = find(q=typed)
    assert set(codes(found)) == {shelf[name].code for name in hit.split()}
    assert found.count == len(hit.split())


def test_search_finds_the_code_however_it_is_typed(shelf):
    code = shelf["coat"].code
    for typed in (code, code.lower(), code.replace("-", ""), code.split("-")[1], f" {code} "):
        assert codes(find(q=typed)) == [code], typed


def test_orders(shelf):
    heater, coat, rice, course = shelf.values()
    assert codes(find(sort="urgent")) == [coat.code, heater.code, rice.code, course.code]
    assert codes(find(sort="waiting")) == [heater.code, coat.code, rice.code, course.code]
    assert codes(find(sort="value")) == [rice.code, heater.code, coat.code, course.code]


def test_counts_beside_a_filter_have_the_other_filters_applied(shelf):
    found = find(town=("东湖街道",))
    assert found.count == 2
    assert found.counts["town"] == {"潞桥街道": 2, "东湖街道": 2}
    assert found.counts["cat"] == {"home": 0, "clothes": 0, "food": 1, "skill": 1}
    assert found.counts["mode"] == {"station": 1, "arranged": 1}
    found = find(town=("东湖街道",), q="一")
    assert (found.count, found.counts["town"], found.counts["cat"]["food"]) == (1, {"潞桥街道": 2, "东湖街道": 1}, 1)


def test_what_is_taken_leaves_the_list_and_is_found_by_its_state(cast, shelf):
    cast.claim(shelf["heater"])
    cast.delivery(shelf["rice"], state="confirmed")
    assert set(codes(find())) == {shelf["coat"].code, shelf["course"].code}
    assert (codes(find(state="claimed")), find(state="claimed").count) == ([shelf["heater"].code], 1)
    assert codes(find(state="done")) == [shelf["rice"].code]
    assert (len(codes(find(state="all"))), find(state="all").count) == (4, 4)
    assert codes(find(state="claimed", q="取暖")) == [shelf["heater"].code]


def _many(cast, count):
    """Copies of one wish with other values, written at once: what lists are made of, without the story before."""
    first = cast.wish()
    dice = random.Random(7)
    row = {column.name: getattr(first, column.name) for column in Posting.__table__.columns if column.name != "id"}
    rows = []
    for number in range(count):
        cell = {"category": dice.choice(("home", "food", "study")), "town": dice.choice(("潞桥街道", "东湖街道", "湖西镇")),
                "band": dice.choice(("b100", "b300")), "mode": dice.choice(("station", "visit"))}  # fmt: skip
        taken = dice.random() < 0.2
        rows.append(row | cell | {
            "code": f"WX-{number:06d}", "idem": None, "latest_day": cast.today + timedelta(days=dice.randrange(30)), "claimed": int(taken),
            "published_at": utcnow() - timedelta(minutes=dice.randrange(500)), "value_fen": dice.randrange(9) * 1_000,
        })  # fmt: skip
    db.session.execute(Posting.__table__.insert(), rows)
    figures = db.metadata.tables["tally"]
    db.session.execute(figures.delete())
    from portal.wishes import shelf as kept

    for cell, values in kept.recount(db.session).items():
        db.session.execute(figures.insert(), dict(zip(kept.CELL, cell, strict=True)) | values)
    db.session.commit()


def _expected(state, chosen, key, newest):
    rows = [
        row for row in db.session.scalars(db.select(Posting))
        if (row.state == "open" and (row.claimed < 1 if state == "open" else row.claimed == 1 if state == "claimed" else True))
        and all(getattr(row, hall_queries.FACETS[name]) in values for name, values in chosen.items())
    ]  # fmt: skip
    return [row.code for row in sorted(rows, key=lambda row: (getattr(row, key), row.id), reverse=newest)]


def test_lists_are_what_sorting_everything_would_give_forwards_and_backwards(cast, monkeypatch):
    _many(cast, 300)
    choices = [
        {},
        {"cat": ("home",)},
        {"cat": ("home", "food"), "town": ("湖西镇",)},
        {"cat": ("study",), "town": ("东湖街道",), "band": ("b300",), "mode": ("visit",)},
    ]
    keys = {"urgent": "latest_day", "waiting": "published_at", "value": "value_fen"}
    for narrow, state, chosen, sort in itertools.product((0, 60), ("open", "claimed", "all"), choices, keys):
        monkeypatch.setattr(hall_queries, "NARROW", narrow)
        wanted = _expected(state, chosen, keys[sort] if state == "open" else "published_at", state != "open")
        walked, ask = [], Asked("wish", state=state, sort=sort, **chosen)
        found = hall_queries.find(ask, hall_figures.read())
        assert found.count == len(wanted)
        while True:
            walked.append(codes(found))
            if not found.more:
                break
            number = len(walked) + 1
            where = {"page": number} if number <= 3 else {"page": number, "after": found.lines[-1].code}
            found = hall_queries.find(hall_queries.replace(ask, **where), hall_figures.read())
        assert [code for page in walked for code in page] == wanted
        if len(walked) > 2:
            back = hall_queries.find(hall_queries.replace(ask, page=2, before=walked[2][0]), hall_figures.read())
            assert codes(back) == walked[1]


@pytest.mark.parametrize(("counted", "sorted_"), [(0, 3_000), (0, 0)])
def test_a_frequent_word_is_found_in_the_same_order_without_counting(cast, shelf, monkeypatch, counted, sorted_):
    exact = codes(find(q="一", sort="value"))
    assert len(exact) == 3
    monkeypatch.setattr(hall_queries, "COUNTED", counted)
    monkeypatch.setattr(hall_queries, "SORTED", sorted_)
    assert codes(find(q="一", sort="value")) == exact
    assert codes(find(q="一", sort="value", after=exact[0])) == exact[1:]
    assert codes(find(q="一", cat=("food",))) == [shelf["rice"].code]
    assert find(q="一").counts["cat"]["home"] == -1


def test_everything_is_in_the_address_and_each_condition_can_be_taken_off(app, cast, shelf):
    reader = Reader(app)
    reader.sign_in("zhao")
    page = reader.get("/wishes")
    page = page.submit("查看结果", cat=["food", "skill"], town=["东湖街道"], sort="value", q="一")
    assert parse_qs(urlsplit(page.path).query)["cat"] == ["food", "skill"]
    assert titles(page) == ["米、面、油一份"]
    chips = {link.text: link.href for link in page.links if link.text.endswith("取消此条件")}
    assert len(chips) == 4
    assert titles(reader.get(chips["含“一”，取消此条件"])) == ["米、面、油一份", "电工取证培训"]
    assert len(titles(page.follow("清空条件"))) == 4


def test_odd_addresses_show_a_list(app, cast, shelf):
    reader = Reader(app)
    reader.sign_in("zhao")
    reader.get("/wishes?q=%00", 404)
    for query in (
        "page=-1",
        "page=x",
        "page=99999999999",
        "page=50",
        "cat=nothing",
        "state=x",
        "sort=x",
        "after=WX-AAAAAA",
        "after=';--",
        "q=" + "长" * 300,
    ):
        reader.get(f"/wishes?{query}")
    assert "没有符合条件" in reader.get("/wishes?q=没有的字").main


def test_who_sees_which_buttons(app, cast, shelf):
    heater, coat = shelf["heater"].code, shelf["coat"].code
    claiming.claim(shelf["rice"], 1, by=cast.sun)
    zhao, sun, wu, lin = (Reader(app) for _ in range(4))
    for reader, name in ((zhao, "zhao"), (sun, "sun"), (wu, "wu"), (lin, "lin")):
        reader.sign_in(name)

    def acts(page):
        posts = {button.action for button in page.buttons if button.action.startswith("/basket/")}
        return {path.rsplit("/", 1)[-1] for path in posts} | {
            link.href.split("/")[2] for link in page.links if link.href.startswith("/claims/") and link.href.count("/") > 2
        }

    assert acts(zhao.get("/wishes")) == {"put", "new"}
    assert acts(wu.get("/wishes")) == set()
    assert "通过后就可以认领" in wu.get("/wishes").main
    assert acts(lin.get("/wishes")) == set()
    assert acts(zhao.get("/wishes?state=claimed")) == {"wait"}
    assert acts(sun.get("/wishes?state=claimed")) == set()
    page = zhao.get("/wishes")
    page = page.submit(next(button for button in page.buttons if button.action == f"/basket/{heater}/put"))
    assert {button.action for button in page.buttons if heater in button.action} == {f"/basket/{heater}/drop"}
    assert {button.action for button in page.buttons if coat in button.action} == {f"/basket/{coat}/put"}
    assert "认领篮里有 1 项" in page.text
    assert f"/basket/{heater}/put" in {button.action for button in sun.get("/wishes").buttons}
    for code, status in ((heater, 200), ("WX-000000", 404)):
        zhao.get(f"/wishes/{code}", status)
    zhao.get(f"/packs/{heater}", 404)
    assert Reader(app).get("/wishes").path.startswith("/login")


def test_nothing_of_a_household_is_shown(app, cast):
    home = cast.household()
    wish = cast.wish(household=home)
    reader = Reader(app)
    reader.sign_in("zhao")
    for path in ("/wishes", f"/wishes/{wish.code}"):
        source = reader.get(path).text
        for secret in (home.name, home.id_no, home.id_no[-4:], home.phone, home.code, "和平路", "云湖针织", "陈小雨"):
            assert secret not in source
    allowed = {
        "code", "kind", "title", "spec", "text", "category", "seal", "seal_kind", "town", "value_fen", "latest_day", "soon", "mode", "point", "quantity",
        "claimed", "left", "progress", "items",
    }  # fmt: skip
    assert set(cards.card(wish)) == allowed


def test_drafts_returned_and_withdrawn_are_not_there(app, cast):
    draft, submitted = cast.wish("draft"), cast.wish("submitted")
    reader = Reader(app)
    reader.sign_in("zhao")
    assert titles(reader.get("/wishes?state=all")) == []
    for row in (draft, submitted):
        reader.get(f"/wishes/{row.code}", 404)


def test_the_page_of_a_lot_shows_what_food_labels_say_and_takes_a_number(app, cast):
    lot = cast.lot(48)
    claiming.claim(lot, 12, by=cast.sun)
    reader = Reader(app)
    reader.sign_in("zhao")
    page = reader.get("/packs")
    assert titles(page) == ["米面油组合"]
    form = next(form for form in page.forms if form.action == f"/claims/new/{lot.code}")
    assert (form.method, dict(form.values)["quantity"]) == ("get", "10")
    page = reader.get(f"/packs/{lot.code}")
    for word in ("SC10132040000011", "云湖米业", "B20261101"):
        assert word in page.main
    assert "还需 36 份" in page.main


def test_a_changed_wish_has_a_new_card(app, cast, shelf):
    reader = Reader(app)
    reader.sign_in("zhao")
    reader.get("/wishes?state=all")
    claim = cast.claim(shelf["coat"], by="sun")
    assert "排在候补" in reader.get("/wishes?state=all").main
    claiming.release(claim, "来不及", by=cast.sun)
    assert "排在候补" not in reader.get("/wishes?state=all").main


def test_an_htmx_answer_is_the_whole_page_and_says_how_much_was_found(app, cast, shelf):
    reader = Reader(app)
    reader.sign_in("zhao")
    part = reader.fragment("get", "/wishes", q="取暖")
    assert part.root.xpath("//html") and part.root.xpath("//*[@id='results']")
    assert part.root.xpath("string(//*[@id='status'])") == "1 个待认领"


def test_similar_ones_are_of_the_kind_near_first_and_claimable(cast, shelf):
    near = cast.wish(title="一床电热毯", category="home")
    taken = cast.wish(title="一台风扇", category="home")
    cast.claim(taken)
    found = hall_queries.similar(shelf["heater"])
    assert found[0].code == near.code
    assert len(found) == 3
    assert not {shelf["heater"].code, taken.code} & {row.code for row in found}


def test_as_many_questions_for_thirty_rows_as_for_one(app, cast):
    reader = Reader(app)
    reader.sign_in("zhao")
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda conn, cursor, statement, *rest: asked.append(statement))

    def questions(path):
        app.extensions["hall_cards"] = cards.Shelf()
        asked.clear()
        reader.get(path)
        return len([statement for statement in asked if not statement.startswith(("BEGIN", "ROLLBACK", "COMMIT"))])

    cast.wish(), cast.lot(5)
    paths = ("/wishes", "/packs", "/wishes?q=取暖", "/wishes?cat=home", "/wishes?state=all")
    few = [questions(path) for path in paths]
    for _ in range(29):
        cast.wish()
        cast.lot(5)
    assert [questions(path) for path in paths] == few
    assert max(few) <= 12
