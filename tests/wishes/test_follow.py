"""Following a promise: the list and its export, one claim, revoking, the union's own cover, a food recall."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import event as sa_event
from sqlalchemy import func, select

from portal.database import db, utcnow
from portal.journal import Event
from portal.wishes import shelf
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Claim, Posting
from portal.wishes.operations import claiming, delivering
from portal.wishes.operations import posting as posting_operations
from tests.cast import id_number


def events(action: str) -> int:
    """How many events of this kind there are."""
    return db.session.scalar(select(func.count()).where(Event.action == action)) or 0


def state_of(row: Claim) -> str:
    """The state as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Claim, row.id).state


def sheet_of(reader, **query: str) -> list[list[object]]:
    """The rows of the export below its heads."""
    response = reader.client.get("/follow/export", query_string=query)
    assert response.status_code == 200 and response.headers["Content-Disposition"].endswith(".xlsx")
    return CalamineWorkbook.from_filelike(io.BytesIO(response.data)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize(("username", "status"), [("lin", 200), ("zhou", 200), ("gu", 200), ("admin", 403), ("zhao", 403)])
def test_who_may_follow(cast, reader, username, status):
    row = cast.claim(cast.wish())
    reader.sign_in(username, status=0)
    for path in ("/follow", f"/follow/{row.code}", "/follow/unclaimed", "/follow/batch"):
        reader.get(path, status=status)


def test_another_union_sees_nothing(cast, reader):
    wish = cast.wish()
    row = cast.claim(wish)
    reader.sign_in("he")
    assert row.code not in reader.get("/follow").main
    assert not [cells for cells in sheet_of(reader)[3:] if row.code in cells]
    reader.get(f"/follow/{row.code}", status=404)
    assert wish.code not in reader.get("/follow/unclaimed").main


def test_filters_and_search(cast, reader):
    first = cast.claim(cast.wish(title="一张书桌"), now=utcnow() - timedelta(days=9))
    ready = cast.claim(cast.wish(title="一台取暖器"), state="ready")
    packs = cast.claim(cast.lot(10, title="米面油组合"), 4, by="sun")
    reader.sign_in("zhou")

    def shown(**query: str) -> list[str]:
        return [text.split()[0] for text in reader.get("/follow", **query).texts("tbody th .sub")]

    assert shown() == [packs.code, ready.code, first.code]
    assert shown(state="ready") == [ready.code]
    assert shown(due="over") == [first.code] == shown(due="soon")
    assert shown(kind="pack") == [packs.code] == shown(enterprise=cast.enterprises["sun"].code)
    assert shown(q=ready.code.lower()) == [ready.code] == shown(q=ready.posting.code)
    assert "没有符合这些条件的认领" in reader.get("/follow", q="RL-222222").main


def test_pages_without_numbers(cast, reader, monkeypatch):
    monkeypatch.setattr("portal.wishes.follow_queries.PER_PAGE", 2)
    lot = cast.lot(10)
    codes = [cast.claim(lot).code for _ in range(5)][::-1]
    reader.sign_in("zhou")
    seen, page = [], reader.get("/follow", kind="pack")
    while True:
        seen += [text.split()[0] for text in page.texts("tbody th .sub")]
        if "下一页" not in {link.text for link in page.links}:
            break
        page = page.follow("下一页")
    assert seen == codes
    assert [text.split()[0] for text in page.follow("上一页").texts("tbody th .sub")] == codes[2:4]


def test_the_export_is_the_filter_and_holds_no_formula_and_no_person(cast, reader):
    home = cast.household()
    wish = cast.wish(household=home, title="=1+1")
    cast.delivery(wish)
    other = cast.claim(cast.wish(title="一张书桌"), by="sun")
    reader.sign_in("zhou")
    rows = sheet_of(reader, state="handed_over")[3:]
    assert [row[2] for row in rows] == ["=1+1"]
    everything = str(sheet_of(reader))
    assert other.code in everything
    assert "周玉华" not in everything and id_number(1) not in everything


def test_one_claim_shows_its_steps_and_who_waits(cast, reader):
    wish = cast.wish()
    row = cast.claim(wish)
    claiming.wait(wish, 1, by=cast.sun)
    reader.sign_in("lin")
    page = reader.get(f"/follow/{row.code}")
    assert "远景机电" in page.main and "禾丰食品" in page.main
    assert page.texts("[aria-current=step] b") == ["备好"]
    assert "撤销认领" not in {link.text for link in page.links}  # a clerk may look, not take away
    reader.get(f"/follow/{row.code}/revoke", status=403)


def test_names_are_masked_above_the_households_own_union(cast, reader):
    row = cast.delivery().claim
    reader.sign_in("lin")
    assert "周玉华" in reader.get(f"/follow/{row.code}").main
    reader.sign_out()
    reader.sign_in("zhou")
    page = reader.get(f"/follow/{row.code}")
    assert "周玉华" not in page.html and "周**" in page.main


def test_revoke_needs_a_reason_and_frees_the_units(cast, reader):
    wish = cast.wish()
    row = cast.claim(wish)
    reader.sign_in("zhou")
    page = reader.get(f"/follow/{row.code}").follow("撤销认领")
    again = page.submit("撤销", 422, note="电话没人接")
    assert "请选一个原因" in again.main and "电话没人接" in again.html
    after = again.submit("撤销", reason="late")
    assert "名额回到了认领大厅" in after.main and "迟迟没有备货" in after.main
    assert (state_of(row), events("claim.revoke")) == ("revoked", 1)
    assert db.session.get_one(Posting, wish.id).claimed == 0
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_revoke_passes_to_the_next_and_a_late_one_is_told(cast, reader):
    wish = cast.wish()
    row = cast.claim(wish)
    second = claiming.wait(wish, 1, by=cast.sun)
    reader.sign_in("zhou")
    form = reader.get(f"/follow/{row.code}/revoke")
    assert "转给了候补的单位" in form.submit("撤销", reason="asked").main
    assert state_of(second) == "active"
    late = form.submit("撤销", 409, reason="asked")
    assert "这一步现在不能办" in late.main
    assert events("claim.revoke") == 1


def test_goods_that_are_with_the_union_cannot_be_revoked(cast, reader):
    row = cast.delivery().claim
    reader.sign_in("zhou")
    assert "撤销认领" not in {link.text for link in reader.get(f"/follow/{row.code}").links}
    reader.post(f"/follow/{row.code}/revoke", status=409, reason="late")
    assert state_of(row) == "handed_over"


def test_the_union_covers_what_nobody_claimed_once(cast, reader):
    lot = cast.lot(10)
    cast.claim(lot, 4)
    reader.sign_in("zhou")
    form = reader.get("/follow/unclaimed").follow(f"工会兜底 {lot.code}")
    assert "不算企业认领" in form.main
    assert "还没有" not in form.submit("确认兜底", 422, quantity="7").main
    after = form.submit("确认兜底", quantity="5")
    assert "已由工会兜底" in after.main and "工会兜底" in after.texts(".st")
    form.submit("确认兜底", quantity="5")  # the same form again
    db.session.expire_all()
    assert (db.session.get_one(Posting, lot.id).claimed, events("claim.cover")) == (9, 1)
    assert shelf.kept(db.session) == shelf.recount(db.session)


def test_cover_is_refused_when_somebody_was_faster_and_to_others(cast, reader):
    wish = cast.wish()
    reader.sign_in("lin")
    reader.get(f"/follow/cover/{wish.code}", status=403)
    reader.sign_out()
    reader.sign_in("zhou")
    form = reader.get(f"/follow/cover/{wish.code}")
    cast.claim(wish)
    assert "刚被别家认领" in form.submit("确认兜底", 409).main
    assert events("claim.cover") == 0
    assert "没有可以兜底的份数" in reader.get(f"/follow/cover/{wish.code}").main
    reader.get("/follow/cover/WX-222222", status=404)


def test_a_food_batch_is_followed_to_every_household(cast, reader):
    lot = cast.lot(3)
    homes = [cast.household() for _ in range(3)]
    posting_operations.name_recipients(lot, homes, by=cast.lin)
    cast.claim(lot, 3, state="handed_over")
    first = db.session.scalars(select(Delivery).where(Delivery.posting_id == lot.id).order_by(Delivery.id)).first()
    delivering.sign(first, cast.facts(first), by=cast.chen)
    reader.sign_in("zhou")
    page = reader.get("/follow/batch", batch="B20261101")
    assert "收到的家庭：1 户" in page.main and "还有 2 份没有送到" in page.main
    assert "周**" in page.main and "周玉华" not in page.html
    assert "没有礼包装过批号 B0" in reader.get("/follow/batch", batch="B0").main
    reader.sign_out()
    reader.sign_in("he")
    assert "没有礼包装过批号" in reader.get("/follow/batch", batch="B20261101").main


def test_as_many_queries_for_twenty_rows_as_for_one(cast, reader):
    def queries(path: str) -> int:
        seen: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        sa_event.listen(db.engine, "before_cursor_execute", count)
        reader.get(path)
        sa_event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    reader.sign_in("zhou")
    lot = cast.lot(30)
    home = cast.household()
    posting_operations.name_recipients(lot, [home], by=cast.lin)
    row = cast.claim(lot, 20, state="handed_over")
    paths = ("/follow", "/follow/unclaimed", f"/follow/{row.code}", "/follow/batch?batch=B20261101", "/desk")
    one = {path: queries(path) for path in paths}
    posting_operations.name_recipients(lot, [cast.household() for _ in range(19)], by=cast.lin)
    for _ in range(9):
        cast.claim(lot)
        cast.wish()
    assert {path: queries(path) for path in one} == one
