"""The whole story in a browser: from a union's desk to a signed receipt and a published tally; desktop, phone, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from portal.database import db
from portal.households.models import Household
from portal.wishes.delivery_models import Delivery
from portal.wishes.models import Posting
from tests.stories.conftest import Person, draw

pytestmark = pytest.mark.browser
ITEM = "一台油汀取暖器"


@pytest.fixture(params=["desktop", "phone", "plain"])
def mode(request: pytest.FixtureRequest) -> str:
    """How everybody in this story looks at the portal."""
    return str(request.param)


def slip(folder: Path) -> Path:
    """A photo of a paper slip."""
    out = BytesIO()
    Image.new("RGB", (800, 600), "#f4efe6").save(out, "JPEG")
    file = folder / "slip.jpg"
    file.write_bytes(out.getvalue())
    return file


def household_without_wish(app: Flask) -> str:
    """Code of a household of 潞桥街道 that has consented and has no wish yet."""
    with app.app_context():
        taken = select(Posting.household_id).where(Posting.household_id.is_not(None))
        rows = db.session.scalars(
            select(Household).where(Household.town == "潞桥街道", Household.state == "filed", Household.id.not_in(taken)).order_by(Household.id)
        )
        return next(row.code for row in rows if any(consent.withdrawn_at is None for consent in row.consents) and "路" in (row.address or "路"))


def tail(app: Flask, code: str) -> str:
    """The last four characters of the ID number of a delivery's household."""
    with app.app_context():
        return str(db.session.scalars(select(Delivery).where(Delivery.code == code)).one().household.id_no)[-4:]


def posts_a_wish(lin: Person, household: str) -> str:
    """Two clicks from the file: the check marks what reveals, the text is mended, the wish goes to review."""
    lin.go(f"/households/{household}").look("household").click("发心愿")
    lin.fill(title=ITEM, spec="11 片，功率 2000 瓦以内", category="home", value="280")
    lin.fill(public_text="孩子在云湖实验小学读三年级，妈妈乳腺癌化疗中，晚上写作业冷，电话13812345678。")
    lin.click("提交审核")
    lin.sees("电话").look("wish-blocked")
    lin.fill(public_text="用于书房，晚间使用，最好带防倾倒保护。").look("wish-form")
    lin.click("提交审核")
    lin.look("wish-posted")
    found = re.search(r"WX-[0-9A-Z]+", lin.page.locator("main").inner_text())
    assert found
    return found.group()


def passes(zhou: Person, code: str) -> None:
    """The district looks at the queue and passes the wish."""
    zhou.go("/review").look("review")
    zhou.go(f"/review/{code}").sees(ITEM)
    zhou.click("通过")
    zhou.go(f"/postings/{code}").sees("待认领")


def claims(zhao: Person, code: str) -> str:
    """Find it by pinyin initials, put it into the basket, take it out again, and claim it from its check page."""
    zhao.go("/wishes").look("hall")
    zhao.page.fill("input[name=q]", "ytqnq")
    zhao.click("搜索")
    zhao.page.wait_for_url("**q=ytqnq**")
    zhao.sees(ITEM).look("hall-found")
    zhao.go(f"/wishes/{code}").look("wish-detail").click("认领这个心愿")
    zhao.sees(ITEM).look("claim-check").click("确认认领")
    zhao.look("claim-result")
    found = re.search(r"RL-[0-9A-Z]+", zhao.page.locator("main").inner_text())
    assert found
    return found.group()


def test_the_whole_story(demo_app: Flask, people: Callable[..., Person], mode: str, tmp_path: Path) -> None:
    household = household_without_wish(demo_app)
    code = posts_a_wish(people("lin", mode), household)
    passes(people("zhou", mode), code)
    zhao = people("zhao", mode)
    claim = claims(zhao, code)

    sun = people("sun", mode)
    sun.go(f"/claims/new/{code}").look("conflict")
    assert "相近" in sun.page.locator("main").inner_text()

    zhao.go(f"/claims/{claim}").look("claim").click("已备货").sees("已备货")
    zhao.go("/claims").look("claims")
    zhao.go(f"/claims/{claim}/note").sees(ITEM)

    chen = people("chen", mode)
    chen.go("/desk").look("desk")
    chen.go("/station").look("station")
    chen.go(f"/s/{claim}").look("station-claim").click("物品相符，收下")
    with demo_app.app_context():
        posting = db.session.scalars(select(Posting).where(Posting.code == code)).one()
        delivery = db.session.scalars(select(Delivery).where(Delivery.posting_id == posting.id)).one().code
    signs_off(chen, demo_app, delivery, tmp_path)
    zhao.go(f"/claims/{claim}").sees("签收").look("claim-signed")

    li = people("li", mode)
    li.go("/confirm").look("confirm")
    li.go(f"/confirm/{delivery}").look("confirm-one").click("确认")
    people("lin", mode).go(f"/postings/{code}").look("posting")
    zhao.go(f"/claims/{claim}").sees("已兑现").look("claim-fulfilled")
    publishes(li, people("zhou", mode), people("public", mode))


def signs_off(chen: Person, app: Flask, delivery: str, folder: Path) -> None:
    """At the door: first with mistakes, then well; without JavaScript a photo of the paper slip stands for the signature."""
    chen.go("/deliveries").look("deliveries")
    chen.go(f"/deliveries/{delivery}/sign").look("sign")
    chen.click("提交签收").sees("物品齐全").look("sign-mistakes")
    chen.tick("goods_complete").fill(id_tail=tail(app, delivery), place="home", witness="何大妈")
    if chen.mode == "plain":
        chen.page.set_input_files("[name=slip]", str(slip(folder)))
    else:
        draw(chen.page)
    chen.look("sign-ready").click("提交签收")
    chen.sees(delivery).look("signed")
    chen.go(f"/deliveries/{delivery}/print").sees("身份证号")


def publishes(li: Person, zhou: Person, public: Person) -> None:
    """li gives up the draft that stands in the way and drafts another, zhou publishes it, everybody reads it; a correction is a visible erratum."""
    li.go("/publications").look("publications")
    li.page.locator("main .note a").click()
    li.click("作废这一期").go("/publications").click("新建一期")
    li.look("issue-form").click("取数并预览")
    li.look("issue-draft").click("提交发布")
    where = li.page.url.removeprefix(li.address)
    zhou.go(where).click("发布")
    issue = where.rsplit("/", 1)[-1]
    public.go("/board").look("board")
    public.go(f"/board/{issue}").sees("认领率", "圆梦率", "兑现率", "兜底").look("issue")
    public.go("/honours").look("honours")
    li.go(where).click("写勘误").fill(text="第一段里的日期应为本月。").click("提交勘误")
    zhou.go(where).click("发布勘误")
    public.go(f"/board/{issue}").sees("勘误")


def test_administration_and_registration(people: Callable[..., Person], mode: str) -> None:
    """An enterprise registers itself, may look but not claim, and is approved; the administrator's pages."""
    firm = people("public", mode)
    firm.go("/register").look("register")
    firm.fill(name="云湖晨光文具有限公司", short_name="晨光文具社", credit_code="91329900MA1K99999X").click("提交登记")
    firm.look("register-mistakes")
    admin = people("admin", mode)
    for path, name in (
        ("/admin/units", "units"), ("/admin/accounts", "accounts"), ("/admin/campaigns", "campaigns"), ("/enterprises", "enterprises"),
        ("/events", "events"), ("/account", "account"),
    ):  # fmt: skip
        admin.go(path).look(name)
    gu = people("gu", mode)
    for path, name in (("/desk", "audit-desk"), ("/households", "audit-households"), ("/follow", "audit-follow"), ("/postings", "audit-postings")):
        gu.go(path).look(name)
    public = people("public", mode)
    for name in ("rules", "privacy", "accessibility", "help", "figures"):
        public.go(f"/about/{name}").look(f"about-{name}")


def test_a_lot_of_packs(demo_app: Flask, people: Callable[..., Person], mode: str) -> None:
    """zhao claims part of a lot, puts wishes into the basket and claims them together, line by line."""
    zhao = people("zhao", mode)
    zhao.go("/packs").look("packs")
    zhao.click("认领这些份数", exact=False)
    zhao.look("pack-check")
    zhao.page.locator("main button:has-text('确认认领')").first.click()
    zhao.look("pack-result")
    zhao.go("/basket").look("basket").click("去确认认领").look("basket-check")
    zhao.page.locator("main button:has-text('确认认领')").first.click()
    zhao.look("basket-result").sees("RL-")


def test_the_first_load_of_the_hall_is_light(people: Callable[..., Person]) -> None:
    """At most 90 KB and 8 requests, nothing from elsewhere, scripts within 25 KB and styles within 12 KB, as they travel compressed."""
    import gzip

    zhao = people("zhao")
    seen: dict[str, int] = {}
    zhao.page.on("response", lambda response: seen.update({response.url: len(gzip.compress(response.body()))}) if response.status == 200 else None)
    zhao.go("/wishes")
    zhao.page.wait_for_load_state("networkidle")
    assert len(seen) <= 8, seen
    assert sum(seen.values()) <= 90_000, seen
    assert sum(size for url, size in seen.items() if ".js" in url) <= 25_000
    assert sum(size for url, size in seen.items() if ".css" in url) <= 12_000
