"""From the list to the signature: every rule at the door, the phone page, its photos and papers, 没签成 and 冲正."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import func, select

from portal.database import db, utcnow
from portal.demo.data import signatures
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.delivery_models import Delivery, Photo, SignOff
from portal.wishes.operations import delivering, doorstep
from portal.wishes.pictures import take_in
from tests.cast import PASSWORD, STROKES


def enter(reader, username: str) -> None:
    """Sign in; the page that follows is one's own account, which has nothing to do with what is tested here."""
    page = reader.get("/login?next=/account")
    page.submit(next(form for form in page.forms if "password" in form.fields), username=username, password=PASSWORD)


def events(action: str = "") -> int:
    query = select(func.count()).select_from(Event)
    return db.session.scalar(query.where(Event.action == action) if action else query) or 0


def fresh(row: Delivery) -> Delivery:
    db.session.expire_all()
    return db.session.get_one(Delivery, row.id)


def jpeg(colour: str = "red") -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "GPS-SECRET"
    Image.new("RGB", (640, 480), colour).save(out, "JPEG", exif=exif)
    return out.getvalue()


def tail(row: Delivery) -> str:
    return (row.household.id_no or "")[-4:]


def wrong_tail(row: Delivery) -> str:
    return "1234" if tail(row) != "1234" else "4321"


@pytest.fixture
def chen(cast, reader):
    enter(reader, "chen")
    return reader


# -- the rules at the door (rule 7) ---------------------------------------------------------------------------------------------------

PHOTO = take_in(jpeg())
PROXY = {"signer": "proxy", "proxy_name": "周志远", "proxy_relation": "child", "proxy_reason": "住院"}
REFUSED = {  # what is wrong: (facts, code, field)
    "goods not looked at": ({"goods_complete": False}, "goods_incomplete", "goods_complete"),
    "proxy without a name": (PROXY | {"proxy_name": ""}, "proxy_incomplete", "proxy_name"),
    "proxy without a relation": (PROXY | {"proxy_relation": ""}, "proxy_incomplete", "proxy_relation"),
    "proxy of a relation that is none": (PROXY | {"proxy_relation": "boss"}, "proxy_incomplete", "proxy_relation"),
    "proxy without a reason": (PROXY | {"proxy_reason": ""}, "proxy_incomplete", "proxy_reason"),
    "the deliverer as proxy": (PROXY | {"proxy_name": "陈建国"}, "proxy_is_staff", "proxy_name"),
    "the deliverer as proxy, spaced": (PROXY | {"proxy_name": "陈 建　国"}, "proxy_is_staff", "proxy_name"),
    "the person as their own proxy": (PROXY | {"proxy_name": "周玉华"}, "proxy_is_person", "proxy_name"),
    "three digits": ({"id_tail": "051"}, "id_tail", "id_tail"),
    "no digits": ({"id_tail": ""}, "id_tail", "id_tail"),
    "letters": ({"id_tail": "12AB"}, "id_tail", "id_tail"),
    "digits of another script": ({"id_tail": "١٢٣٤"}, "id_tail", "id_tail"),
    "other digits": ({"id_tail": "other"}, "id_differs", "id_tail"),
    "no signature and no slip": ({"strokes": ""}, "slip_missing", "strokes"),
    "no signature and a photo of goods": ({"strokes": "", "photos": (("goods", PHOTO),)}, "slip_missing", "strokes"),
    "an empty pad": ({"strokes": "[]"}, "signature_empty", "strokes"),
    "a dot": ({"strokes": "[[[0.5,0.2]]]"}, "signature_dot", "strokes"),
    "seven photos": ({"photos": (("goods", PHOTO),) * 7}, "photo_many", "photos"),
    "no witness": ({"witness": ""}, "witness_is_deliverer", "witness"),
    "the deliverer as witness": ({"witness": "陈建国"}, "witness_is_deliverer", "witness"),
    "the deliverer as witness, spaced": ({"witness": " 陈·建国 "}, "witness_is_deliverer", "witness"),
    "the person as witness": ({"witness": "周玉华"}, "witness_is_signer", "witness"),
    "the proxy as witness": (PROXY | {"witness": "周志远"}, "witness_is_signer", "witness"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sign_off_is_refused_and_leaves_nothing(cast, name):
    facts, code, field = REFUSED[name]
    row = cast.delivery()
    if facts.get("id_tail") == "other":
        facts = facts | {"id_tail": wrong_tail(row)}
    before = events()
    with pytest.raises(Refused) as caught:
        delivering.sign(row, cast.facts(row, **facts), by=cast.chen)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert [problem.code for problem in doorstep.problems(row, cast.facts(row, **facts), cast.chen)] == [code]
    assert (fresh(row).state, events(), db.session.scalar(select(func.count()).select_from(SignOff))) == ("planned", before, 0)


TAKEN = {  # what is recorded: (facts, clean, method)
    "the person": ({}, True, "drawn"),
    "digits typed full width": ({"id_tail": "wide"}, True, "drawn"),
    "a proxy": (PROXY, False, "drawn"),
    "a slip": ({"strokes": "", "photos": (("slip", PHOTO),)}, False, "slip"),
    "a slip beside the signature": ({"photos": (("slip", PHOTO), ("goods", PHOTO))}, True, "drawn"),
    "other digits, said on purpose": ({"id_tail": "other", "despite_id": True}, False, "drawn"),
    "six photos": ({"photos": (("goods", PHOTO),) * 6}, True, "drawn"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_a_sign_off_is_recorded_as_what_it_is(cast, name):
    facts, clean, method = TAKEN[name]
    row = cast.delivery()
    swap = {"other": wrong_tail(row), "wide": "".join(chr(ord(c) + 0xFEE0) for c in tail(row))}
    facts = facts | ({"id_tail": swap[facts["id_tail"]]} if facts.get("id_tail") in swap else {})
    signed = delivering.sign(row, cast.facts(row, **facts), by=cast.chen)
    assert (signed.clean, signed.method, signed.deliverer_id, signed.witness) == (clean, method, cast.chen.id, "何大妈")
    assert signed.id_matches is (name != "other digits, said on purpose")
    assert fresh(row).state == "signed"
    assert signed.proxy_name == ("周志远" if name == "a proxy" else None)
    kept = db.session.scalars(select(Event).where(Event.action == "delivery.sign")).one()
    assert not {"周玉华", "周志远", tail(row)} & set(json.dumps(kept.changes, ensure_ascii=False).split('"'))


def test_what_was_typed_for_a_proxy_is_not_kept_when_the_person_signs(cast):
    row = cast.delivery()
    signed = delivering.sign(row, cast.facts(row, **(PROXY | {"signer": "self"})), by=cast.chen)
    assert (signed.proxy_name, signed.proxy_relation, signed.proxy_reason, signed.clean) == (None, "", "", True)


@pytest.mark.parametrize("part", ["lin", "zhou"])
def test_poster_and_reviewer_do_not_sign_off(cast, part):
    row = cast.delivery()
    with pytest.raises(Refused) as caught:
        delivering.sign(row, cast.facts(row), by=cast.actors[part])
    assert (caught.value.code, caught.value.params) == ("same_person", {"part": {"lin": "poster", "zhou": "reviewer"}[part]})
    assert fresh(row).state == "planned"


def test_the_same_form_twice_is_one_sign_off_and_a_key_is_good_for_one_delivery(cast):
    first, second = cast.delivery(), cast.delivery()
    one = delivering.sign(first, cast.facts(first), by=cast.chen, idem="key")
    assert delivering.sign(first, cast.facts(first), by=cast.chen, idem="key").id == one.id
    assert delivering.sign(second, cast.facts(second), by=cast.chen, idem="key" * 100).id != one.id
    third = cast.delivery()
    assert delivering.sign(third, cast.facts(third), by=cast.chen, idem="key").id != one.id
    with pytest.raises(Refused) as caught:
        delivering.sign(first, cast.facts(first), by=cast.chen, idem="another key")
    assert caught.value.code == "stale_step"
    assert events("delivery.sign") == 3


def test_a_miss_needs_a_day_that_comes(cast):
    row = cast.delivery()
    with pytest.raises(Refused) as caught:
        delivering.miss(row, "not_home", cast.today - timedelta(days=1), by=cast.chen)
    assert (caught.value.code, caught.value.field) == ("miss_day", "next_on")
    for times in (1, 2):
        delivering.miss(row, "not_home", cast.today, by=cast.chen)
        assert (fresh(row).state, fresh(row).misses) == ("failed", times)


# -- the four digits while typing -----------------------------------------------------------------------------------------------------


def test_digits_are_compared_while_typing_six_wrong_tries_an_hour(cast, chen):
    row = cast.delivery()
    path = f"/deliveries/{row.code}/tail"
    same = chen.fragment("post", path, id_tail=tail(row))
    assert "与档案一致" in same.html and same.response.headers["Cache-Control"] == "no-store"
    assert tail(row) not in same.html
    for short in ("", "12", "12345", "abcd"):
        assert "应为 4 位" in chen.fragment("post", path, id_tail=short).html
    for _ in range(doorstep.TAIL_TRIES):
        assert "不一致" in chen.fragment("post", path, id_tail=wrong_tail(row)).html
    assert "提交时再核对" in chen.fragment("post", path, id_tail=wrong_tail(row)).html
    assert "提交时再核对" in chen.fragment("post", path, id_tail=tail(row)).html, "nothing is told any more, not even what is right"
    other = cast.delivery()
    assert "与档案一致" in chen.fragment("post", f"/deliveries/{other.code}/tail", id_tail=tail(other)).html
    assert doorstep.try_tail(row, tail(row), utcnow() + doorstep.TAIL_WAIT) is True
    later = utcnow() + doorstep.TAIL_WAIT
    assert [doorstep.try_tail(row, wrong_tail(row), later) for _ in range(doorstep.TAIL_TRIES + 1)] == [False] * doorstep.TAIL_TRIES + [None]
    delivering.sign(row, cast.facts(row), by=cast.chen)  # the form itself is never shut


def test_digits_are_told_to_nobody_else(cast, reader):
    row, done = cast.delivery(), cast.delivery(state="signed")
    for username, status in (("he", 404), ("zhou", 403), ("zhao", 403), ("lin", 409)):
        reader.sign_out()
        enter(reader, username)
        reader.fragment("post", f"/deliveries/{row.code}/tail", status, id_tail=tail(row))
    reader.sign_out()
    enter(reader, "chen")
    reader.fragment("post", f"/deliveries/{done.code}/tail", 409, id_tail=tail(done))
    assert reader.post(f"/deliveries/{row.code}/tail", id_tail=tail(row)).path == f"/deliveries/{row.code}/sign"


# -- the list -------------------------------------------------------------------------------------------------------------------------


def rows_of(page) -> list[str]:
    return [link.href.split("/")[2] for link in page.links if link.href.endswith("/sign") and link.text.startswith("签收")]


def test_the_list_goes_by_the_planned_day_and_names_people_to_their_own_union(cast, chen):
    late, soon, missed, gone = cast.delivery(), cast.delivery(), cast.delivery(), cast.delivery()
    cast.delivery(state="signed")
    other = cast.delivery(cast.wish(unit="donghu"))
    for row, days in ((late, 5), (soon, 0), (missed, 3)):
        delivering.miss(row, "not_home", cast.today + timedelta(days=days), by=cast.chen)
    delivering.deliver(gone, by=cast.chen)
    gone.planned_on = cast.today - timedelta(days=1)
    db.session.commit()
    page = chen.get("/deliveries")
    assert rows_of(page) == [gone.code, soon.code, missed.code, late.code]
    assert other.code not in page.main
    assert "周玉华" in page.main and "潞桥街道" in page.main and "和平路" not in page.main and "199000" not in page.main
    assert "过了日子" in page.main and "不在家，第 1 次" in page.main
    assert chen.get("/deliveries", q=late.claim.code).path == f"/deliveries/{late.code}"
    assert chen.get("/deliveries", q=late.household.code).path == f"/deliveries/{late.code}"


def test_questions_do_not_grow_with_the_list(cast, chen, app):
    from sqlalchemy import event

    def asked() -> int:
        count = 0

        def one(*_: object) -> None:
            nonlocal count
            count += 1

        event.listen(db.engine, "before_cursor_execute", one)
        chen.get("/deliveries")
        event.remove(db.engine, "before_cursor_execute", one)
        return count

    cast.delivery()
    few = asked()
    for _ in range(4):
        cast.delivery()
    assert asked() == few


# -- one delivery ---------------------------------------------------------------------------------------------------------------------

ACTS = {"签收", "已送到，以后再签", "没签成", "核对并确认", "冲正", "打印签收单", "打印空白签收单"}
OFFERED = {  # (who, state): what the page offers
    ("chen", "planned"): {"签收", "已送到，以后再签", "没签成", "打印空白签收单"},
    ("lin", "planned"): {"已送到，以后再签", "没签成", "打印空白签收单"},
    ("zhou", "planned"): {"打印空白签收单"},
    ("gu", "planned"): {"打印空白签收单"},
    ("chen", "signed"): {"打印签收单"},
    ("li", "signed"): {"核对并确认", "冲正", "打印签收单"},
    ("zhou", "signed"): {"冲正", "打印签收单"},
    ("gu", "signed"): {"打印签收单"},
    ("li", "confirmed"): {"冲正", "打印签收单"},
    ("chen", "confirmed"): {"打印签收单"},
}


@pytest.mark.parametrize(("who", "state"), OFFERED)
def test_the_page_offers_what_this_person_may_do_now(cast, reader, who, state):
    row = cast.delivery(state=state)
    enter(reader, who)
    page = reader.get(f"/deliveries/{row.code}")
    found = {link.text for link in page.links} | {button.text for button in page.buttons}
    assert found & ACTS == OFFERED[who, state]
    assert ("周玉华" in page.main) is (who in ("chen", "lin"))
    assert "和平路" not in page.main and tail(row) not in page.main


def test_a_household_of_the_next_union_is_named_at_the_door_but_its_file_stays_shut(cast, chen):
    row = cast.delivery(cast.wish(household=cast.household("donghu")))
    page = chen.get(f"/deliveries/{row.code}/sign")
    assert "周玉华" in page.main and row.household.code in page.main
    assert not [link for link in page.links if link.href.startswith("/households/")]
    own = cast.delivery()
    assert f"/households/{own.household.code}" in chen.get(f"/deliveries/{own.code}/sign").html


def test_strangers_and_other_unions_see_nothing(cast, reader):
    row = cast.delivery(state="signed", photos=(("goods", PHOTO),))
    pages = ["", "/sign", "/miss", "/signed", "/print", "/slip", "/reverse", f"/photos/{row.code}-1"]
    for username in ("he", "zhao"):
        reader.sign_out()
        enter(reader, username)
        for path in pages:
            assert reader.get(f"/deliveries/{row.code}{path}", 0).status in (403, 404), (username, path)
    assert reader.get(f"/deliveries/{row.code}", 0).status == 403
    reader.sign_out()
    for path in pages:
        assert reader.get(f"/deliveries/{row.code}{path}").path.startswith("/login")


# -- the phone page -------------------------------------------------------------------------------------------------------------------


def filled(row: Delivery, **changes: object) -> dict[str, object]:
    return {"goods_complete": True, "id_tail": tail(row), "strokes": STROKES, "place": "home", "witness": "何大妈"} | changes


def test_a_signature_with_a_photo_from_the_door_to_the_receipt(cast, chen):
    row = cast.delivery()
    page = chen.get(f"/deliveries/{row.code}/sign")
    assert "周玉华" in page.main and "和平路" not in page.main and tail(row) not in page.html
    before = events()
    done = page.submit("提交签收", **filled(row, photos=[(jpeg(), "goods.jpg"), (jpeg("blue"), "more.jpg")]))
    assert done.path == f"/deliveries/{row.code}/signed" and row.code in done.main and "签收已记录" in done.main
    assert events() - before == 1
    assert fresh(row).sign_off.clean
    kept = db.session.scalars(select(Photo).order_by(Photo.id)).all()
    assert [(photo.kind, photo.width) for photo in kept] == [("goods", 640), ("goods", 640)]
    answer = chen.client.get(f"/deliveries/{row.code}/photos/{kept[0].code}")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and b"GPS-SECRET" not in answer.data
    assert Image.open(io.BytesIO(answer.data)).format == "JPEG"
    receipt = chen.get(f"/deliveries/{row.code}/print")
    assert len(receipt.find(".drawn *")) == 2 and row.code in receipt.text
    assert row.household.id_no not in receipt.html and "周玉华" in receipt.text


def test_a_photo_is_shown_under_its_own_delivery_only(cast, chen):
    row, other = (cast.delivery(state="signed", photos=(("goods", PHOTO),)) for _ in range(2))
    chen.get(f"/deliveries/{row.code}/photos/{other.code}-1", 404)
    chen.get(f"/deliveries/{row.code}/photos/{row.code}-2", 404)
    assert chen.client.get(f"/deliveries/{row.code}/photos/{row.code}-1").status_code == 200


def test_a_slip_without_javascript(cast, chen):
    row = cast.delivery()
    blank = chen.get(f"/deliveries/{row.code}/slip")
    assert row.code in blank.text and blank.find(".qr *") and row.household.id_no not in blank.html
    page = chen.get(f"/deliveries/{row.code}/sign")
    page.submit("提交签收", **filled(row, strokes="[]", slip=(jpeg(), "slip.jpg")))
    assert (fresh(row).state, row.sign_off.method, row.sign_off.clean) == ("signed", "slip", False)
    assert "见纸质签收单照片，共 1 张" in chen.get(f"/deliveries/{row.code}/print").text


def test_everything_typed_is_kept_and_all_that_is_wrong_is_said_at_once(cast, chen):
    row = cast.delivery()
    before = events()
    page = chen.get(f"/deliveries/{row.code}/sign").submit(
        "提交签收", 422, signer="proxy", proxy_name="周志远", proxy_relation="child", id_tail="051", strokes=STROKES, place="station",
        witness="陈建国", photos=(jpeg(), "goods.jpg"),
    )  # fmt: skip
    assert page.title.startswith("错误：")
    for words in ("请先核对物品齐全", "代收要写明", "应为 4 位", "见证人不能是经办人", "请重新选择"):
        assert words in page.main, words
    form = page.button("提交签收").form
    shown = {name: value for name, value in form.values if value}
    for name, value in {
        "signer": "proxy",
        "proxy_name": "周志远",
        "proxy_relation": "child",
        "id_tail": "051",
        "place": "station",
        "witness": "陈建国",
    }.items():
        assert shown[name] == value
    assert json.loads(shown["strokes"]) == json.loads(STROKES)
    assert events() == before
    page.submit("提交签收", **filled(row, proxy_reason="住院"))
    assert (fresh(row).state, row.sign_off.signer) == ("signed", "proxy")


def test_other_digits_are_recorded_only_on_purpose(cast, chen):
    row = cast.delivery()
    first = chen.get(f"/deliveries/{row.code}/sign")
    assert "despite_id" not in first.button("提交签收").form.fields
    page = first.submit("提交签收", 422, **filled(row, id_tail=wrong_tail(row)))
    assert "后四位与档案不一致" in page.main and fresh(row).state == "planned"
    page.submit("提交签收", despite_id=True)
    assert (fresh(row).state, row.sign_off.id_matches, row.sign_off.clean) == ("signed", False, False)


@pytest.mark.parametrize(("field", "content", "words"), [
    ("photos", b"<svg onload=alert(1)>", "这张照片读不出来"), ("slip", b"not a photo", "这张照片读不出来"),
])  # fmt: skip
def test_a_bad_photo_is_refused_at_its_field(cast, chen, field, content, words):
    row = cast.delivery()
    page = chen.get(f"/deliveries/{row.code}/sign").submit("提交签收", 422, **filled(row, **{field: (content, "a.jpg")}))
    assert words in " ".join(page.texts(f"#{field}-err")) and fresh(row).state == "planned"


def test_too_many_photos_are_refused_before_any_is_decoded(cast, chen, monkeypatch):
    row = cast.delivery()
    monkeypatch.setattr("portal.wishes.signing.take_in", lambda raw: pytest.fail("was decoded"))
    page = chen.get(f"/deliveries/{row.code}/sign").submit("提交签收", 422, **filled(row, photos=[(jpeg(), f"{n}.jpg") for n in range(7)]))
    assert "最多放 6 张照片" in page.main


def test_more_than_twelve_megabytes_of_photos_fit(cast, chen):
    row = cast.delivery()
    padded = jpeg() + b"\0" * 7_000_000
    chen.get(f"/deliveries/{row.code}/sign").submit("提交签收", **filled(row, photos=[(padded, "1.jpg"), (padded, "2.jpg")]))
    assert fresh(row).state == "signed"


def test_a_doubled_submit_is_harmless_and_a_late_one_says_who_was_first(cast, chen, reader):
    row = cast.delivery()
    page, other = chen.get(f"/deliveries/{row.code}/sign"), chen.get(f"/deliveries/{row.code}/sign")
    for _ in range(2):
        assert page.submit("提交签收", **filled(row)).path == f"/deliveries/{row.code}/signed"
    assert events("delivery.sign") == 1
    late = other.submit("提交签收", 409, **filled(row))
    assert "由陈建国记录签收" in late.main
    assert "由陈建国记录签收" in chen.get(f"/deliveries/{row.code}/sign", 409).main


def test_real_signatures_are_drawn_on_the_page(cast, chen):
    row = cast.delivery(state="signed", strokes=json.dumps(signatures()[0]))
    assert chen.get(f"/deliveries/{row.code}").find(".drawn *")


# -- delivered, not signed, reversed --------------------------------------------------------------------------------------------------


def test_delivered_now_and_signed_later(cast, chen):
    row = cast.delivery()
    page = chen.get(f"/deliveries/{row.code}")
    before = events()
    assert "已记为送达" in page.submit("已送到，以后再签").main
    assert (fresh(row).state, events() - before) == ("delivered", 1)
    assert "已送达" in page.submit("已送到，以后再签", 409).main
    chen.get(f"/deliveries/{row.code}/sign").submit("提交签收", **filled(row))
    assert fresh(row).state == "signed"


def test_nobody_signed_today(cast, chen):
    row = cast.delivery()
    page = chen.get(f"/deliveries/{row.code}/miss")
    wrong = page.submit("记下，改到这一天", 422, note="敲门没人应", next_on=str(cast.today - timedelta(days=1)))
    assert "请选择原因" in wrong.main and dict(wrong.forms[-1].values)["note"] == "敲门没人应"
    wrong = wrong.submit("记下，改到这一天", 422, reason="not_home")
    assert "要在今天或以后" in wrong.main
    before = events()
    wrong.submit("记下，改到这一天", next_on=str(cast.today + timedelta(days=2)))
    assert (fresh(row).state, row.planned_on, row.misses, events() - before) == ("failed", cast.today + timedelta(days=2), 1, 1)
    shown = chen.get(f"/deliveries/{row.code}").main
    assert "没签成" in shown and "不在家，改到" in shown and "敲门没人应" in shown
    signed = cast.delivery(state="signed")
    chen.get(f"/deliveries/{signed.code}/miss", 409)


def test_a_wrong_record_is_reversed_and_written_anew(cast, reader):
    row = cast.delivery(state="confirmed")
    enter(reader, "li")
    page = reader.get(f"/deliveries/{row.code}/reverse")
    assert "请写明原因" in page.submit("冲正并重新安排", 422, reason="").main
    before = events()
    anew = page.submit("冲正并重新安排", reason="送错了门")
    assert events() - before == 1 and fresh(row).state == "reversed"
    assert anew.path != f"/deliveries/{row.code}" and row.code in anew.main
    old = reader.get(f"/deliveries/{row.code}")
    assert "送错了门" in old.main and old.find(".drawn")
    assert "本单已冲正" in reader.get(f"/deliveries/{row.code}/print").text
    reader.get(f"/deliveries/{row.code}/reverse", 409)
    reader.sign_out()
    enter(reader, "chen")
    reader.get(f"/deliveries/{row.code}/reverse", 403)


def test_the_deliverer_does_not_reverse_their_own(cast):
    both = type(cast.chen)(cast.chen.id, cast.chen.name, frozenset({"clerk", "reviewer"}), cast.chen.unit_id, cast.chen.unit_path)
    row = cast.delivery(state="signed")
    with pytest.raises(Refused) as caught:
        delivering.reverse(row, "送错了门", by=both)
    assert (caught.value.code, caught.value.params) == ("same_person", {"part": "deliverer"})
    assert fresh(row).state == "signed"
