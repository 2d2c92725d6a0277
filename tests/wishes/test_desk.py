"""The desk: each person's own work with its counts and days, what is due, and where to begin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event as sa_event

from portal.database import db, utcnow
from portal.wishes.models import Posting
from portal.wishes.operations import posting as posting_operations
from tests.strict_html import text_of


def tasks(page) -> dict[str, tuple[str, str]]:
    """{label: (count, note)} of the task lists."""
    found = {}
    for item in page.find(".tasks a"):
        label, count, note = ("".join(map(text_of, item.cssselect(part))) for part in ("b", ".count", "small"))
        found[label] = (count, note)
    return found


@pytest.mark.parametrize(
    ("username", "own", "not_own"),
    [
        ("lin", {"待签收", "待交接验收", "退回给我补正的", "紧急帮扶待补手续"}, {"待我审核", "待我确认的签收", "冲正的签收", "待审核的爱心企业"}),
        ("zhou", {"待我审核", "待我确认的签收", "快到期和已逾期的认领", "待审核的爱心企业"}, {"待签收", "没写完的草稿", "冲正的签收"}),
        ("gu", {"冲正的签收", "撤销的认领", "查看个人信息"}, {"待我审核", "待签收", "还没换初始密码的账号"}),
        ("admin", {"还没换初始密码的账号", "待审核的爱心企业", "查看个人信息"}, {"待我审核", "待签收", "代收、纸质或号码不符，还没确认"}),
    ],
)
def test_each_role_has_its_own_work(cast, reader, username, own, not_own):
    page = reader.sign_in(username)
    assert page.path == "/desk"
    shown = set(tasks(page))
    assert own <= shown and not not_own & shown
    assert all(reader.get(item.get("href")) for item in page.find(".tasks a"))


def test_enterprises_have_no_desk(cast, reader):
    reader.sign_in("zhao", status=0)
    reader.get("/desk", status=403)


def test_counts_with_the_days_of_the_oldest(cast, reader):
    days_ago = utcnow() - timedelta(days=3)
    cast.wish("submitted", now=days_ago)
    cast.wish("submitted")
    cast.delivery(state="signed")
    reader.sign_in("zhou")
    shown = tasks(reader.get("/desk"))
    assert shown["待我审核"] == ("2", "最早一个已等 3 天")
    assert shown["待我确认的签收"] == ("0", "")  # zhou reviewed that wish
    reader.sign_out()
    reader.sign_in("li")
    assert tasks(reader.get("/desk"))["待我确认的签收"] == ("1", "最早一个已等 0 天")


def test_a_clerk_sees_the_work_of_the_own_unit_only(cast, reader):
    mine = cast.wish("submitted")
    posting_operations.send_back(mine, "unclear", by=cast.zhou)
    cast.delivery()
    cast.claim(cast.lot(5), 2)
    cast.household(state="emergency", emergency_due=cast.today + timedelta(days=5))
    shown = tasks(reader.sign_in("lin"))
    assert (shown["退回给我补正的"][0], shown["待签收"][0], shown["礼包还没选够家庭"][0]) == ("1", "1", "1")
    assert shown["紧急帮扶待补手续"][0] == "1" and shown["紧急帮扶待补手续"][1].startswith("最早的在")
    reader.sign_out()
    assert {count for count, _note in tasks(reader.sign_in("he")).values()} == {"0"}


def test_what_is_due_is_listed_with_its_days(cast, reader):
    late = cast.claim(cast.wish(title="一张书桌"), now=utcnow() - timedelta(days=7))
    cast.claim(cast.wish(title="一台取暖器"))
    reader.sign_in("zhou")
    page = reader.get("/desk")
    assert page.texts("section[aria-labelledby=due] tbody th a") == ["一张书桌"]
    assert "已过 2 天" in page.main and late.code in page.main
    assert tasks(page)["快到期和已逾期的认领"] == ("1", "最早的已过 2 天")
    assert page.follow("一张书桌").path == f"/follow/{late.code}"


def test_the_first_visit_says_where_to_begin_and_the_second_does_not(cast, reader):
    page = reader.sign_in("lin")
    assert "第一次来" in page.main
    assert len(page.find("main ol li")) == 4
    reader.sign_out()
    assert "第一次来" not in reader.sign_in("lin").main


def test_the_ring_and_the_dates_of_the_campaign(cast, reader):
    cast.wish()
    cast.delivery(state="confirmed")
    page = reader.sign_in("li")
    assert page.texts(".legend dd") == ["1", "0", "1", "2"]
    assert page.texts(".days b") == ["30"]


def test_as_many_queries_for_twenty_of_each_as_for_one(cast, reader):
    def queries() -> int:
        seen: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        sa_event.listen(db.engine, "before_cursor_execute", count)
        reader.get("/desk")
        sa_event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    cast.claim(cast.wish(), now=utcnow() - timedelta(days=7))
    reader.sign_in("zhou")
    one = queries()
    for _ in range(8):
        cast.claim(cast.wish(), now=utcnow() - timedelta(days=7))
        cast.wish("submitted")
    assert queries() == one
    assert db.session.query(Posting).count() == 17
