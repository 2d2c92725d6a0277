"""The review page: who sees what, one act at a time and in bulk, what two reviewers at once are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import func, select

from portal.accounts.models import Account, RoleGrant
from portal.database import db, utcnow
from portal.households.operations import withdraw_consent
from portal.journal import Event
from portal.refusal import Refused
from portal.wishes.models import Posting
from portal.wishes.operations import posting as operations

TELLING = "孩子在云湖实验小学读书，想要一套冬季校服。"


def events(action: str) -> int:
    """How many events of this kind there are."""
    return db.session.scalar(select(func.count()).where(Event.action == action)) or 0


def state_of(row: Posting) -> str:
    """The state as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(Posting, row.id).state


def test_the_queue_is_sorted_by_waiting_and_says_how_long(cast, reader):
    young = cast.wish("submitted", title="一张书桌")
    old = cast.wish("submitted", title="一台取暖器", now=utcnow() - timedelta(days=2))
    reader.sign_in("zhou")
    page = reader.get("/review")
    assert "2 个，最早一个已等 2 天" in page.main
    assert page.texts("tbody th a") == [old.title, young.title]
    assert page.texts("#panel h2") == [old.title]
    assert page.follow(young.title).texts("#panel h2") == [young.title]


@pytest.mark.parametrize(("username", "status"), [("lin", 403), ("gu", 403), ("admin", 403), ("zhao", 403), ("li", 200)])
def test_only_reviewers_come_in(cast, reader, username, status):
    reader.sign_in(username, status=0)
    assert reader.get("/review", status=status)


def test_a_unit_outside_the_subtree_is_not_there(cast, reader):
    theirs = cast.wish("submitted", unit="donghu")
    lin = db.session.scalars(db.select(Account).where(Account.username == "lin")).one()
    lin.grants.append(RoleGrant(role="reviewer"))
    db.session.commit()
    reader.sign_in("lin")
    assert theirs.code not in reader.get("/review").main
    for path in (f"/review/{theirs.code}", f"/review/{theirs.code}/return"):
        reader.get(path, status=404)
    reader.post(f"/review/{theirs.code}/approve", status=404)
    reader.post(f"/review/{theirs.code}/return", status=404, reason="unclear")
    assert f"{theirs.code} 不在您的审核范围" in reader.post("/review/approve", code=theirs.code).main
    assert state_of(theirs) == "submitted"


def test_filters(cast, reader):
    clean = cast.wish("submitted", title="一张书桌")
    told = cast.wish("submitted", title="一套校服", public_text=TELLING, category="clothes")
    far = cast.wish("submitted", unit="donghu", title="一台取暖器")
    reader.sign_in("zhou")

    def shown(**query: str) -> list[str]:
        return reader.get("/review", **query).texts("tbody th a")

    assert shown(check="clean") == [clean.title, far.title]
    assert shown(check="flagged") == [told.title]
    assert shown(category="clothes") == [told.title]
    assert shown(unit=cast.units["donghu"].code) == [far.title]
    assert "没有符合这些条件的心愿" in reader.get("/review", unit=cast.units["donghu"].code, check="flagged").main


def test_pass_opens_the_next_row_and_keeps_the_filter(cast, reader):
    first, second = cast.wish("submitted", title="一张书桌"), cast.wish("submitted", title="一台取暖器")
    reader.sign_in("zhou")
    page = reader.get(f"/review/{first.code}", check="clean").submit("通过")
    assert page.path == f"/review/{second.code}?check=clean"
    assert f"{first.code} 已通过" in page.main
    assert (state_of(first), events("posting.approve")) == ("open", 1)
    assert reader.get(f"/review/{second.code}").submit("通过").path == "/review"


def test_the_text_is_marked_and_a_neutral_one_is_offered(cast, reader):
    wish = cast.wish("submitted", public_text=TELLING)
    reader.sign_in("zhou")
    page = reader.get(f"/review/{wish.code}")
    assert any("云湖实验小学" in text for text in page.texts("#panel mark"))
    offered = page.button("替换并通过").form.fields["public_text"][0].text.strip()
    assert "云湖实验小学" not in offered
    page.submit("替换并通过")
    assert state_of(wish) == "open"
    assert db.session.get_one(Posting, wish.id).public_text == offered


def test_a_text_with_a_phone_number_is_not_passed_and_stays_typed(cast, reader):
    wish = cast.wish("submitted")
    reader.sign_in("zhou")
    page = reader.get(f"/review/{wish.code}").submit("替换并通过", 422, public_text="请打 13800138000")
    assert "请打 13800138000" in page.html
    assert "公开文字里有证件号、电话或姓名" in page.main
    assert (state_of(wish), events("posting.approve")) == ("submitted", 0)


def test_return_needs_a_reason_and_keeps_what_was_typed(cast, reader):
    wish = cast.wish("submitted")
    reader.sign_in("zhou")
    page = reader.get(f"/review/{wish.code}").follow("退回补正")
    again = page.submit("退回", 422, note="请写尺码")
    assert "请选一个原因" in again.main and "请写尺码" in again.html
    assert "请写明原因" in again.submit("退回", 422, reason="other", note="").main
    assert "收到群众反映" not in again.main
    again.submit("退回", reason="unclear", note="请写尺码")
    assert (state_of(wish), events("posting.return")) == ("returned", 1)
    assert db.session.get_one(Posting, wish.id).return_note == "请写尺码"


def test_an_open_wish_is_returned_while_nobody_has_claimed_it(cast, reader):
    wish = cast.wish()
    reader.sign_in("zhou")
    page = reader.get(f"/review/{wish.code}").follow("退回补正").submit("退回", reason="complaint")
    assert (state_of(wish), page.path) == ("returned", f"/review/{wish.code}")
    taken = cast.wish()
    cast.claim(taken)
    assert "退回补正" not in {link.text for link in reader.get(f"/review/{taken.code}").links}
    assert "先撤销认领" in reader.post(f"/review/{taken.code}/return", status=409, reason="complaint").main
    assert state_of(taken) == "open"


def test_the_postings_own_page_leads_to_review_return_and_cover(cast, reader):
    def offered(row: Posting) -> set[str]:
        return {"去审核", "退回补正", "工会兜底"} & {link.text for link in reader.get(f"/postings/{row.code}").links}

    submitted, opened, taken, lot = cast.wish("submitted"), cast.wish(), cast.wish(), cast.lot(5)
    cast.claim(taken)
    cast.claim(lot, 2)
    reader.sign_in("zhou")
    assert [offered(row) for row in (submitted, opened, taken, lot)] == [{"去审核"}, {"退回补正", "工会兜底"}, set(), {"工会兜底"}]
    reader.sign_out()
    reader.sign_in("lin")
    assert not offered(submitted) and not offered(opened)


def test_the_poster_sees_why_not(cast, reader):
    lin = db.session.scalars(db.select(Account).where(Account.username == "lin")).one()
    lin.grants.append(RoleGrant(role="reviewer"))
    db.session.commit()
    wish = cast.wish("submitted")
    reader.sign_in("lin")
    page = reader.get(f"/review/{wish.code}")
    assert "要由另一位同事审核" in page.main
    assert not page.find("#panel button.btn--pri") and not page.find("input[name=code]")
    reader.post(f"/review/{wish.code}/approve", status=409)
    assert "发布人" in reader.post("/review/approve", code=wish.code).main
    assert (state_of(wish), events("posting.approve")) == ("submitted", 0)


def test_somebody_else_was_first(cast, reader):
    wish = cast.wish("submitted")
    reader.sign_in("zhou")
    page = reader.get(f"/review/{wish.code}")
    operations.approve(wish, by=cast.li)
    late = page.submit("通过", 409)
    assert "李文静" in late.main and "已经通过，没有再改动" in late.main
    assert "通过" not in {button.text for button in late.buttons}
    assert events("posting.approve") == 1


def test_bulk_passes_only_clean_rows(cast, reader):
    clean = [cast.wish("submitted") for _ in range(3)]
    told = cast.wish("submitted", public_text=TELLING)
    gone = cast.wish("submitted")
    reader.sign_in("zhou")
    page = reader.get("/review")
    operations.send_back(gone, "unclear", by=cast.li)
    boxes = {element.get("value") for element in page.find("input[name=code]")}
    assert boxes == {row.code for row in (*clean, gone)}
    after = reader.post("/review/approve", code=[row.code for row in (*clean, told, gone)])
    assert "已通过 3 个" in after.main and "有 2 个没有通过" in after.main
    assert f"{told.code} 自动检查有提醒" in after.main and gone.code in after.main
    assert [state_of(row) for row in (*clean, told, gone)] == ["open"] * 3 + ["submitted", "returned"]
    assert events("posting.approve") == 3
    assert "请先勾选" in reader.post("/review/approve").main


def test_as_many_queries_for_twenty_rows_as_for_one(cast, reader):
    def queries() -> int:
        seen: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        sa_event.listen(db.engine, "before_cursor_execute", count)
        reader.get("/review")
        sa_event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    reader.sign_in("zhou")
    cast.wish("submitted")
    one = queries()
    for _ in range(19):
        cast.wish("submitted")
    assert queries() == one


def test_a_wish_whose_household_took_its_consent_back_is_not_published(cast, reader):
    wish = cast.wish("submitted")
    withdraw_consent(wish.household, "publish_wish", by=cast.lin)
    reader.sign_in("zhou")
    assert "同意" in reader.post(f"/review/{wish.code}/approve", status=409, public_text=wish.public_text).main
    assert "没有通过" in reader.post("/review/approve", code=wish.code).main
    assert state_of(wish) == "submitted"


def test_who_changed_or_submitted_a_posting_for_a_colleague_does_not_pass_it(cast):
    amended, sent = cast.wish("draft"), cast.wish("draft")
    operations.amend(amended, cast.draft(spec="双人"), by=cast.chen)
    operations.submit(amended, by=cast.lin)
    operations.submit(sent, by=cast.chen)
    for row in (amended, sent):
        for author in (cast.lin, cast.chen):
            with pytest.raises(Refused, match="same_person"):
                operations.approve(row, by=author)
        operations.approve(row, by=cast.zhou)


def test_words_that_changed_while_a_reviewer_pressed_the_button_are_not_passed(cast):
    wish = cast.wish("submitted")
    seen = wish.version
    operations.send_back(wish, "unclear", by=cast.li)
    operations.amend(wish, cast.draft(public_text="换了一句。"), by=cast.lin)
    operations.submit(wish, by=cast.lin)
    with pytest.raises(Refused, match="stale_step"):
        operations.approve(wish, by=cast.zhou, seen=seen)
    operations.approve(wish, by=cast.zhou, seen=wish.version)
