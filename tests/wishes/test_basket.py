"""The claim basket: put in, change, take out and take that back; it reserves nothing and looks anew each time."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.database import db
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import BasketLine, Posting
from portal.wishes.operations import basket
from portal.wishes.operations import posting as posting_operations


def lines() -> dict[str, int]:
    """posting code → units, over all baskets."""
    query = select(Posting.code, BasketLine.quantity).join(Posting, Posting.id == BasketLine.posting_id).execution_options(populate_existing=True)
    return dict(db.session.execute(query).all())


def events(action: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Event).where(Event.action == action)) or 0


def test_the_same_twice_is_one_line_and_never_more_than_is_left(cast):
    lot = cast.lot(12)
    assert basket.put(lot, 5, by=cast.zhao) == 5
    assert basket.put(lot, 99, by=cast.zhao) == 12
    assert lines() == {lot.code: 12}
    assert db.session.get(Posting, lot.id).claimed == 0, "the basket reserves nothing"
    assert events("basket.put") == 2


def test_taking_out_what_is_not_there_writes_nothing(cast):
    wish = cast.wish()
    assert basket.drop(wish, by=cast.zhao) == 0
    assert events("basket.drop") == 0


@pytest.mark.parametrize(("state", "code"), [("draft", "not_open"), ("claimed", "already_claimed"), ("gone", "pack_gone")])
def test_what_cannot_be_claimed_is_refused(cast, state, code):
    posting = cast.wish("draft") if state == "draft" else cast.wish() if state == "claimed" else cast.lot(2)
    if state != "draft":
        cast.claim(posting, posting.quantity, by="sun")
    with pytest.raises(Refused) as refused:
        basket.put(posting, by=cast.zhao)
    assert refused.value.code == code
    assert lines() == {}


def test_a_basket_has_an_end(cast, monkeypatch):
    monkeypatch.setattr(basket, "MOST", 1)
    first, second = cast.wish(), cast.wish()
    basket.put(first, by=cast.zhao)
    basket.put(first, by=cast.zhao)
    with pytest.raises(Refused) as refused:
        basket.put(second, by=cast.zhao)
    assert refused.value.code == "basket_full"


def test_put_from_the_hall_and_back_without_javascript(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    page = reader.get("/wishes")
    button = next(button for button in page.buttons if "放入认领篮" in button.text)
    after = page.submit(button)
    assert after.path == "/wishes"
    assert "已放入认领篮。" in after.main
    assert lines() == {wish.code: 1}
    assert after.texts("#basket-count") == ["1"]


def test_the_way_back_never_leaves_the_portal(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    response = reader.client.post(f"/basket/{wish.code}/put", data={"csrf_token": reader.csrf_token(), "next": "//elsewhere.example/x"})
    assert response.status_code == 303
    assert response.headers["Location"] == f"/#{wish.code}"


def test_change_the_amount_take_out_and_take_that_back(cast, reader):
    lot = cast.lot(12)
    basket.put(lot, 5, by=cast.zhao)
    reader.sign_in("zhao")
    page = reader.get("/basket")
    assert page.find("input[name=quantity]")[0].get("value") == "5"
    page = page.submit("改份数：米面油组合", quantity="40")
    assert "只剩 12 份了，已改为 12 份。" in page.main
    assert lines() == {lot.code: 12}
    more = reader.post(f"/basket/{lot.code}/amount", quantity="7", d="-1")
    assert "份数已改为 6。" in more.main
    page = more.submit("移出认领篮：米面油组合")
    assert "已移出认领篮：米面油组合。" in page.main
    assert lines() == {}
    page.submit("撤销：放回 米面油组合")
    assert lines() == {lot.code: 6}


def test_lines_that_are_gone_are_marked_and_stay_out_of_the_claim(cast, reader):
    kept, taken, back = cast.wish(title="一床棉被"), cast.wish(title="一台电饭煲"), cast.wish(title="一张书桌")
    for wish in (kept, taken, back):
        basket.put(wish, by=cast.zhao)
    cast.claim(taken, by="sun")
    posting_operations.send_back(back, "unclear", by=cast.zhou)
    reader.sign_in("zhao")
    page = reader.get("/basket")
    rows = {row.split()[0]: row for row in page.texts("tbody tr")}
    assert "这个心愿刚被别家认领了。" in next(row for row in rows.values() if "电饭煲" in row)
    assert "这个心愿现在不接受认领。" in next(row for row in rows.values() if "书桌" in row)
    check = page.follow("去确认认领")
    assert "一床棉被" in check.main
    assert "电饭煲" not in check.main


def test_htmx_gets_the_fresh_card_the_count_and_the_message(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhao")
    part = reader.fragment("post", f"/basket/{wish.code}/put")
    assert part.find(f"article#{wish.code}.wish--in")
    assert part.find("[hx-swap-oob='innerHTML:#basket-count']")[0].text == "1"
    dropped = reader.fragment("post", f"/basket/{wish.code}/drop")
    assert [button.text for button in dropped.buttons if button.text == "撤销"]
    assert not dropped.find(".wish--in")
    cast.claim(wish, by="sun")
    lost = reader.fragment("post", f"/basket/{wish.code}/put", 409)
    assert "这个心愿刚被别家认领了。" in lost.html
    assert lost.find(f"article#{wish.code}")


def test_who_may_and_what_is_not_theirs(cast, reader):
    draft, wish = cast.wish("draft"), cast.wish()
    assert reader.get("/basket").path.startswith("/login")
    reader.sign_in("lin")
    reader.get("/basket", status=403)
    reader.post(f"/basket/{wish.code}/put", 403)
    reader.sign_out()
    reader.sign_in("zhao")
    assert "认领篮是空的" in reader.get("/basket").main
    reader.post(f"/basket/{draft.code}/put", 404)
    reader.post("/basket/WX-NONE00/put", 404)
    reader.post(f"/basket/{wish.code}/put")
    reader.sign_out()
    reader.sign_in("sun")
    assert "认领篮是空的" in reader.get("/basket").main, "another enterprise has a basket of its own"
