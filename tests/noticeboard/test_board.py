"""The pages: what everybody reads, what staff do, on paper and in the workbook; no personal data on any of them."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from portal.database import db
from portal.enterprises.models import Enterprise
from portal.households.models import Household, Member
from portal.noticeboard import operations
from portal.noticeboard.models import Publication
from portal.wishes.models import Campaign
from tests.cast import PASSWORD
from tests.noticeboard.conftest import plan, published
from tests.noticeboard.rows import past_the_portal, statements
from tests.reader import Reader

TITLE = "2027 年元旦春节认领情况公示"


def sign_in(app, username: str) -> Reader:
    reader = Reader(app)
    reader.sign_in(username, PASSWORD)
    return reader


def buttons(page) -> set[str]:
    return {button.text for button in page.buttons if button.method == "post" and button.action.startswith(("/publications", "/errata"))}


def cells(data: bytes) -> dict[str, list[list[tuple[str, str]]]]:
    """(kind, text) of the cells of every sheet, read from the bare XML: a formula would have the kind "f"."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    book = zipfile.ZipFile(io.BytesIO(data))
    shared = ["".join(item.itertext()) for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]
    names = [sheet.get("name") for sheet in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{space}sheet")]
    found = {}
    for number, name in enumerate(names, start=1):
        sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        rows = []
        for row in sheet.iter(f"{space}row"):
            line = []
            for cell in row.iter(f"{space}c"):
                value = cell.findtext(f"{space}v") or ""
                kind = "f" if cell.find(f"{space}f") is not None else cell.get("t", "n")
                line.append((kind, shared[int(value)] if kind == "s" else value))
            rows.append(line)
        found[str(name)] = rows
    return found


def test_the_whole_way_by_hand_and_without_javascript(filled, app):
    li, zhou, public = sign_in(app, "li"), sign_in(app, "zhou"), Reader(app)
    page = li.get("/publications").follow("新建一期")
    page = page.submit("取数并预览", title=TITLE)
    assert "已写好这一期" in page.text and "没有发现个人信息" in page.text and "没有小于 5 的格子" in page.text
    code = re.search(r"GS-\w+", page.path).group()
    assert public.get("/board").find(f"[href='/board/{code}']") == [] and public.get(f"/board/{code}", 404)
    assert buttons(page) == {"提交发布", "作废这一期"}
    page = page.submit("提交发布")
    assert buttons(page) == {"作废这一期"} and "您是拟稿人" in page.text
    assert li.post(f"/publications/{code}/publish", 409).text.count("这一步要由另一位同事来办") == 1
    page = zhou.get(f"/publications/{code}")
    assert buttons(page) == {"发布", "作废这一期"}
    page = page.submit("发布")
    assert buttons(page) == set() and "已经定稿" in page.text
    page = public.get("/board").follow(TITLE)
    assert "本次活动共发布微心愿 58 个" in page.text and "数据截至" in page.text
    for rate in ("认领率", "圆梦率", "兑现率", "工会兜底（认领）", "77.6%", "39.7%", "51.1%"):
        assert rate in page.text
    page = li.get(f"/publications/{code}").follow("写勘误").submit("提交勘误", text="认领企业应为 3 家。", before="2 家", after="3 家")
    assert buttons(page) == {"作废勘误"} and "认领企业应为" not in public.get(f"/board/{code}").text
    zhou.get(f"/publications/{code}").submit("发布勘误")
    page = public.get(f"/board/{code}")
    assert "认领企业应为 3 家。" in page.text and "原来登的：2 家。改正为：3 家。" in page.text and "本次活动共发布微心愿 58 个" in page.text


def test_every_published_number_leads_to_its_definition(filled, app):
    row = published(filled)
    reader = Reader(app)
    page = reader.get(f"/board/{row.code}")
    wanted = {link.href.split("#")[1] for link in page.links if link.href.startswith("/about/figures#")}
    assert wanted >= {"published", "claimed", "fulfilled", "claim", "fulfil", "keep", "covered", "households", "value"}
    there = {element.get("id") for element in reader.get("/about/figures").root.iter() if element.get("id")}
    assert wanted <= there
    for name in ("rules", "privacy", "accessibility", "help"):
        reader.get(f"/about/{name}")


def test_a_draft_that_fails_the_check_cannot_be_submitted(filled, app):
    li = sign_in(app, "li")
    page = li.get("/publications/new").submit("取数并预览", title=TITLE, remark="周女士的电话是 13812345678。")
    assert "13812345678" in page.text  # the drafter sees the own words; the check names the place
    assert "提交发布" not in buttons(page) and "有个人信息：说明" in page.text
    code = re.search(r"GS-\w+", page.path).group()
    refused = li.post(f"/publications/{code}/submit", 422)
    assert "公示里还有个人信息，请先改好：说明。" in refused.text
    page = page.follow("修改或重新取数").submit("重新取数并预览", remark="礼包仍在派送中。")
    assert "提交发布" in buttons(page)


def test_what_was_typed_is_kept(filled, app):
    li = sign_in(app, "li")
    page = li.get("/publications/new").submit("取数并预览", 422, title=TITLE, first="2026-12-30", last="2026-12-01")
    assert "开始日期不能晚于结束日期" in page.text and page.find("#title")[0].get("value") == TITLE
    li.get("/publications/new").submit("取数并预览", 422, title="", last="")
    operations.draft(filled.campaign, plan(filled), by=filled.zhou)
    page = li.get("/publications/new").submit("取数并预览", 409, title=TITLE)
    assert "已有一期还没有发布" in page.text


@pytest.mark.parametrize("username", ["lin", "he", "zhao", "admin"])
def test_who_may_not(filled, app, username):
    row = published(filled)
    reader = sign_in(app, username)
    for path in ("/publications", "/publications/new", f"/publications/{row.code}", f"/publications/{row.code}/edit"):
        reader.get(path, 403)
    for step in ("submit", "publish", "discard", "errata/new"):
        reader.post(f"/publications/{row.code}/{step}", 403)
    assert "公示管理" not in {link.text for link in reader.get("/board").links}


def test_auditors_look_and_touch_nothing(filled, app):
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    gu = sign_in(app, "gu")
    page = gu.get("/publications").follow(row.title)
    assert buttons(page) == set() and "新建一期" not in {link.text for link in gu.get("/publications").links}
    gu.post(f"/publications/{row.code}/submit", 403)


def test_stale_steps_come_back_with_the_page_as_it_stands(filled, app):
    row = published(filled)
    li = sign_in(app, "li")
    assert "已发布" in li.post(f"/publications/{row.code}/discard", 409).text
    assert "要改正请写勘误" in li.get(f"/publications/{row.code}/edit", 409).text
    li.post("/errata/KW-AAAAAA/publish", 404)
    li.get("/publications/GS-AAAAAA", 404)


def test_the_workbook_holds_texts_and_numbers_and_no_formula(filled, app):
    db.session.execute(db.update(Enterprise).where(Enterprise.short_name == "禾丰食品").values(short_name='=HYPERLINK("http://x","禾丰")'))
    db.session.commit()
    row = published(filled, title="=1+1 公示", remark="@SUM(A1)")
    response = app.test_client().get(f"/board/{row.code}.xlsx")
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("application/vnd.openxmlformats")
    assert response.headers["Content-Disposition"] == f'attachment; filename="{row.code}.xlsx"'
    found = cells(response.data)
    assert list(found) == ["公示", "按类别", "按街道", "爱心榜"]
    flat = [cell for rows in found.values() for line in rows for cell in line]
    assert {kind for kind, _ in flat} <= {"s", "n"}
    assert ("s", "=1+1 公示") in flat and ("s", "@SUM(A1)") in flat and ("s", '=HYPERLINK("http://x","禾丰")') in flat
    assert found["按类别"][1] == [("s", "家电家居"), ("n", "30"), ("n", "24"), ("n", "12")]
    assert found["按类别"][-1] == [("s", "合计"), ("n", "58"), ("n", "45"), ("n", "23")]
    assert not zipfile.ZipFile(io.BytesIO(response.data)).testzip() and b"hyperlink" not in zipfile.ZipFile(io.BytesIO(response.data)).read(
        "xl/worksheets/sheet4.xml"
    )
    assert app.test_client().get(f"/board/{row.code}.xlsx").data == response.data
    assert app.test_client().get("/board/GS-AAAAAA.xlsx").status_code == 404


def test_the_sheet_of_paper(filled, app):
    row = published(filled)
    page = Reader(app).get(f"/board/{row.code}/print")
    assert row.title in page.text and row.sha256[:16] in page.text and "本次活动共发布微心愿 58 个" in page.text
    draft = operations.draft(filled.campaign, plan(filled), by=filled.li)
    for path in ("", "/print", ".xlsx"):
        assert app.test_client().get(f"/board/{draft.code}{path}").status_code == 404


def test_a_changed_issue_is_seen(filled, app):
    row = published(filled)
    assert "对不上" not in Reader(app).get(f"/board/{row.code}").text
    past_the_portal(db.update(Publication).values(title="绕过程序改的"))
    assert "和发布时的校验码对不上" in Reader(app).get(f"/board/{row.code}").text


def test_the_live_page_costs_two_questions(filled, app, make_app):
    published(filled)
    with statements() as seen:
        assert app.test_client().get("/board").status_code == 200
    assert len(seen) <= 3  # campaign, kept figures, issues
    kept = make_app(FACET_SECONDS=60.0).test_client()
    kept.get("/board")
    with statements() as seen:
        page = kept.get("/board").get_data(as_text=True)
    assert seen == [] and TITLE in page


def test_small_numbers_are_words_on_the_live_page_too(cast, app):
    cast.wish()
    assert "本次活动共发布微心愿 少于 5 个、年货礼包 0 份" in Reader(app).get("/board").text


def test_without_any_campaign(app):
    reader = Reader(app)
    assert "还没有发布过公示" in reader.get("/board").text and "现在没有进行中的活动" in reader.get("/honours").text


def test_the_wall_names_those_who_agree(filled, app):
    db.session.execute(db.update(Enterprise).where(Enterprise.short_name == "远景机电").values(public_name=False))
    db.session.commit()
    page = Reader(app).get("/honours")
    assert "禾丰食品8 个心愿 · 20 份礼包" in page.text and "远景机电" not in page.text and "另有 1 家爱心企业没有署名" in page.text


def test_english(filled, app):
    row = published(filled)
    client = app.test_client()
    client.get("/prefs?lang=en")
    for path in ("/board", f"/board/{row.code}", f"/board/{row.code}/print", "/honours", "/about/figures"):
        assert client.get(path).status_code == 200
    assert client.get(f"/board/{row.code}.xlsx").status_code == 200


def test_nothing_of_a_household_gets_out(filled, app):
    """Unique values in every personal column of a household that was helped; none of them, nor its codes, on any page or sheet."""
    home = filled.household(
        name="金丝雀甲", phone="19912345678", address="潞桥街道金丝雀路 77 号", employer="金丝雀针织厂", bank_card="6222020200112233445"
    )
    member = db.session.scalars(db.select(Member).where(Member.household_id == home.id)).one()
    member.name, member.school = "金丝雀乙", "金丝雀小学"
    db.session.commit()
    wish = filled.wish(household=home, title="金丝雀取暖器", public_text="金丝雀定时", spec="金丝雀规格")
    delivery = filled.delivery(
        wish, state="confirmed", signer="proxy", proxy_name="金丝雀丙", proxy_relation="spouse", proxy_reason="金丝雀理由", witness="金丝雀丁"
    )
    row = published(filled)
    canaries = ["金丝雀", "19912345678", "6222020200112233445", home.id_no, home.id_no[-4:], home.code, wish.code, delivery.code]
    client = app.test_client()
    for path in ("/board", "/honours", f"/board/{row.code}", f"/board/{row.code}/print"):
        text = client.get(path).get_data(as_text=True)
        assert not [canary for canary in canaries if canary in text.replace(row.sha256[:16], "")], path
    flat = [
        text for rows in cells(client.get(f"/board/{row.code}.xlsx").data).values() for line in rows for _kind, text in line if text != row.sha256
    ]
    assert not [canary for canary in canaries if any(canary in text for text in flat)]
    assert db.session.scalar(db.select(db.func.count()).select_from(Household)) and db.session.scalar(db.select(Campaign.id))
