"""The second person: clean sign-offs together, the others one by one, and never somebody who had a part before (rule 6)."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from sqlalchemy import func, select

from portal.accounts.models import Account, RoleGrant
from portal.database import db
from portal.journal import Actor, Event
from portal.refusal import Refused
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Posting
from portal.wishes.operations import covering, delivering
from portal.wishes.pictures import take_in
from tests.cast import PASSWORD, Cast


def enter(reader, username: str) -> None:
    """Sign in; the page that follows is one's own account, which has nothing to do with what is tested here."""
    page = reader.get("/login?next=/account")
    page.submit(next(form for form in page.forms if "password" in form.fields), username=username, password=PASSWORD)


def state_of(row: Delivery) -> str:
    db.session.expire_all()
    return db.session.get_one(Delivery, row.id).state


def confirmed() -> int:
    return db.session.scalar(select(func.count()).select_from(Event).where(Event.action == "delivery.confirm")) or 0


def slip() -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "white").save(out, "JPEG")
    return {"strokes": "", "photos": (("slip", take_in(out.getvalue())),)}


def proxy() -> dict[str, object]:
    return {"signer": "proxy", "proxy_name": "周志远", "proxy_relation": "child", "proxy_reason": "住院"}


def differs() -> dict[str, object]:
    return {"id_tail": "0000", "despite_id": True}


def grown(cast: Cast, username: str) -> Actor:
    """The same person with the reviewer's role as well, at the district, in the database too."""
    was = cast.actors[username]
    account = db.session.get_one(Account, was.id)
    account.unit_id = cast.units["district"].id
    account.grants.append(RoleGrant(role="reviewer"))
    db.session.commit()
    return Actor(was.id, was.name, was.roles | {"reviewer"}, account.unit_id, cast.units["district"].path)


PARTS = {"poster": "lin", "reviewer": "zhou", "inspector": "chen", "deliverer": "he"}


def four_people(cast: Cast) -> Delivery:
    """lin posts, zhou reviews, chen takes over, he delivers: four different people."""
    wish = cast.wish()
    claim = cast.claim(wish, state="handed_over")
    row = db.session.scalars(select(Delivery).where(Delivery.claim_id == claim.id)).one()
    delivering.sign(row, cast.facts(row), by=cast.he)
    return row


@pytest.mark.parametrize("part", PARTS)
def test_none_of_the_four_confirms(cast, part):
    row = four_people(cast)
    who = cast.zhou if part == "reviewer" else grown(cast, PARTS[part])
    with pytest.raises(Refused) as caught:
        delivering.confirm(row, by=who)
    assert (caught.value.code, caught.value.params) == ("same_person", {"part": part})
    assert (state_of(row), confirmed()) == ("signed", 0)
    delivering.confirm(row, by=cast.li)
    assert state_of(row) == "confirmed"


@pytest.mark.parametrize("part", PARTS)
def test_the_pages_say_so_before_anybody_presses(cast, reader, part):
    row = four_people(cast)
    username = PARTS[part]
    if part != "reviewer":
        grown(cast, username)
    enter(reader, username)
    queue = reader.get("/confirm")
    assert queue.find("input[name=code]") == []
    assert len(queue.find("input[type=checkbox][disabled]")) == 1
    assert "要由另一位同事来办" in queue.main
    one = reader.get(f"/confirm/{row.code}")
    assert "要由另一位同事来办" in one.main and "确认" not in [button.text for button in one.buttons]
    assert "要由另一位同事来办" in reader.post(f"/confirm/{row.code}", 409).main
    assert "要由另一位同事来办" in reader.post("/confirm", code=row.code).main
    assert (state_of(row), confirmed()) == ("signed", 0)


def test_clean_ones_are_chosen_already_the_others_are_opened(cast, reader):
    clean = [cast.delivery(state="signed") for _ in range(2)]
    others = [cast.delivery(state="signed", **facts()) for facts in (proxy, slip, differs)]
    cast.delivery(state="confirmed")
    cast.delivery()
    enter(reader, "li")
    page = reader.get("/confirm")
    assert [box.get("value") for box in page.find("input[name=code][checked]")] == [row.code for row in clean]
    assert len(page.find("input[type=checkbox][disabled]")) == len(others)
    for words in ("代收", "纸质签收单", "号码不符"):
        assert words in page.main
    assert "周玉华" not in page.main and "周**" in page.main
    assert others[0].code not in reader.get("/confirm", kind="clean").main
    assert clean[0].code not in reader.get("/confirm", kind="look").main
    before = confirmed()
    result = page.submit("确认选中的", code=[row.code for row in clean])
    assert "已确认 2 份" in result.main
    assert [state_of(row) for row in clean] == ["confirmed"] * 2 and confirmed() - before == 2
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_a_batch_says_what_was_not_done_and_why(cast, reader):
    good, late = cast.delivery(state="signed"), cast.delivery(state="signed")
    by_proxy, planned = cast.delivery(state="signed", **proxy()), cast.delivery()
    enter(reader, "li")
    page = reader.get("/confirm")
    delivering.confirm(late, by=cast.li)
    before = confirmed()
    codes = [good.code, good.code, late.code, by_proxy.code, planned.code, "QS-222222"]
    result = reader.post("/confirm", code=codes)
    assert "已确认 1 份" in result.main and "没有确认 4 份" in result.main
    for words in ("已确认", "打开逐个确认", "待送", "没有这份签收"):
        assert words in result.main, words
    assert [state_of(row) for row in (good, late, by_proxy, planned)] == ["confirmed", "confirmed", "signed", "planned"]
    assert confirmed() - before == 1
    assert "请先选择" in reader.post("/confirm").main
    assert page.button("确认选中的")


@pytest.mark.parametrize("facts", [proxy, slip, differs])
def test_one_by_one_with_the_original_beside_the_claim(cast, reader, facts):
    row = cast.delivery(state="signed", **facts())
    enter(reader, "li")
    page = reader.get("/confirm").follow(f"查看 {row.code}")
    warning = {proxy: "代收：请联系本人核实", slip: "请看清照片上的编号", differs: "与档案不一致"}[facts]
    assert warning in page.main and row.claim.code in page.main and row.posting.code in page.main
    assert "周玉华" not in page.main and "周志远" not in page.main and (row.household.id_no or "")[-4:] not in page.main
    if facts is slip:
        (image,) = page.find("img")
        assert reader.client.get(image.get("src")).mimetype == "image/jpeg"
    else:
        assert page.find(".drawn *")
    done = page.submit("确认")
    assert done.path == "/confirm" and "圆梦" in done.main
    assert (state_of(row), confirmed()) == ("confirmed", 1)
    assert "已确认" in page.submit("确认", 409).main
    assert confirmed() == 1


def test_the_next_and_the_one_before(cast, reader):
    rows = [cast.delivery(state="signed") for _ in range(3)]
    enter(reader, "li")
    middle = reader.get(f"/confirm/{rows[1].code}")
    assert {element.get("data-key"): element.get("href") for element in middle.find("a[data-key]") if element.get("data-key") in "jk"} == {
        "k": f"/confirm/{rows[0].code}", "j": f"/confirm/{rows[2].code}",
    }  # fmt: skip


def test_who_may_not(cast, reader):
    row, planned = cast.delivery(state="signed"), cast.delivery()
    for username in ("chen", "lin", "gu", "admin", "zhao"):
        reader.sign_out()
        enter(reader, username)
        reader.get("/confirm", 403)
        reader.get(f"/confirm/{row.code}", 403)
        reader.post("/confirm", 403, code=row.code)
        reader.post(f"/confirm/{row.code}", 403)
    reader.sign_out()
    enter(reader, "li")
    reader.get(f"/confirm/{planned.code}", 404)
    reader.post(f"/confirm/{planned.code}", 404)
    account = db.session.get_one(Account, cast.li.id)
    account.unit_id = cast.units["donghu"].id  # a reviewer of another union
    db.session.commit()
    reader.get(f"/confirm/{row.code}", 404)
    reader.post(f"/confirm/{row.code}", 404)
    assert row.code not in reader.get("/confirm").main
    assert "没有这份签收" in reader.post("/confirm", code=row.code).main
    assert state_of(row) == "signed"


def test_only_the_confirmation_fulfils_and_a_cover_is_counted_apart(cast):
    wish = cast.wish()
    delivering.hand_over(covering.cover(wish, 1, by=cast.li), by=cast.chen)
    row = db.session.scalars(select(Delivery)).one()
    delivering.sign(row, cast.facts(row), by=cast.chen)
    assert db.session.get_one(Posting, wish.id).fulfilled == 0
    delivering.confirm(row, by=cast.li)
    db.session.expire_all()
    assert (db.session.get_one(Posting, wish.id).fulfilled, db.session.get_one(Posting, wish.id).state) == (1, "closed")
    assert shelf.kept(db.session) == shelf.recount(db.session)
