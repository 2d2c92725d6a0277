"""From draft to a frozen issue: two people, one open draft, the check, the seal, errata."""

from __future__ import annotations

import copy
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from portal.database import db, utcnow
from portal.enterprises.models import Enterprise
from portal.journal import Event
from portal.noticeboard import content, operations, publishing, queries
from portal.noticeboard.models import Erratum, Frozen, Publication
from portal.refusal import Refused
from portal.wishes.models import Campaign, Posting
from portal.wording import sentence
from tests.noticeboard.conftest import plan, published
from tests.noticeboard.rows import Rows, past_the_portal


def refused(call, *args, **kwargs) -> str:
    """The code of the refusal; its sentence can be formed."""
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    assert sentence(caught.value.code, caught.value.params)
    return caught.value.code


def events() -> list[str]:
    return list(db.session.scalars(select(Event.action).where(Event.thing_type.in_(("publication", "erratum"))).order_by(Event.id)))


def test_an_issue_is_written_by_the_system_and_published_by_a_second_person(filled):
    row = published(filled)
    assert (row.state, row.number, row.year) == ("published", 1, filled.today.year)
    assert (row.drafted_by, row.published_by) == (filled.li.id, filled.zhou.id)
    assert events() == ["publication.draft", "publication.submit", "publication.publish"]
    shown = row.content["figures"]
    assert {name: shown["wish"][name] for name in ("published", "claimed", "fulfilled", "covered")} == {
        "published": 58, "claimed": 45, "fulfilled": 23, "covered": 0,
    }  # fmt: skip
    assert {name: shown["pack"][name] for name in ("published", "claimed", "fulfilled", "covered")} == {
        "published": 60, "claimed": 40, "fulfilled": 20, "covered": 10,
    }  # fmt: skip
    assert (shown["enterprises"], shown["households"]) == (2, 43)
    assert content.plain(row.content["sentence"]) == (
        "本次活动共发布微心愿 58 个、年货礼包 60 份。2 家爱心企业和工会一共认领了其中 45 个心愿和 40 份礼包。工会兜底 0 个心愿和 10 份礼包。"
        "23 个心愿、20 份礼包已由职工本人或家属实名签收并经工会确认。"
    )
    category = row.content["tables"]["category"]
    assert [(one["label"], one["cells"]) for one in category["rows"]] == [("home", [30, 24, 12]), ("other", [28, 21, 11])]
    assert category["total"] == [58, 45, 23]
    assert content.untouched(row)


def test_the_drafter_cannot_publish(filled):
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    operations.submit(row, by=filled.li)
    assert refused(operations.publish, row, by=filled.li) == "same_person"
    assert row.state == "submitted"
    with pytest.raises(IntegrityError):  # and if the operation forgot, the database would not
        db.session.execute(
            update(Publication).values(state="published", published_by=filled.li.id, published_at=utcnow(), number=1, year=2026, sha256="x")
        )
    db.session.rollback()


def test_one_open_issue_at_a_time(filled):
    first = operations.draft(filled.campaign, plan(filled), by=filled.li, idem="a")
    assert operations.draft(filled.campaign, plan(filled), by=filled.li, idem="a").id == first.id
    assert refused(operations.draft, filled.campaign, plan(filled), by=filled.zhou) == "draft_exists"
    operations.discard(first, by=filled.li)
    second = operations.draft(filled.campaign, plan(filled), by=filled.zhou)
    with pytest.raises(IntegrityError):  # two at the same moment: the database lets one through
        db.session.execute(update(Publication).where(Publication.id == first.id).values(state="submitted"))
    db.session.rollback()
    assert second.state == "draft"


def test_numbers_run_through_the_year_without_gaps(filled):
    assert published(filled).number == 1
    operations.discard(operations.draft(filled.campaign, plan(filled), by=filled.li), by=filled.li)
    assert published(filled).number == 2


def test_steps_that_cannot_be_taken(filled):
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert refused(operations.publish, row, by=filled.zhou) == "board_step"
    operations.submit(row, by=filled.li)
    assert refused(operations.submit, row, by=filled.li) == "board_step"
    assert refused(operations.amend, row, plan(filled), by=filled.li) == "board_stale"
    operations.publish(row, by=filled.zhou)
    for step in (operations.discard, operations.publish, operations.submit):
        assert refused(step, row, by=filled.admin) == "board_step"
    assert row.state == "published" and len(events()) == 3


def test_a_published_row_never_changes(filled):
    row = published(filled)
    was = (row.title, copy.deepcopy(row.content), row.sha256)
    for change in (
        lambda: setattr(row, "title", "别的"),
        lambda: setattr(row, "content", {}),
        lambda: setattr(row, "state", "draft"),
        lambda: db.session.delete(row),
    ):
        change()
        with pytest.raises(Frozen):
            db.session.flush()
        db.session.rollback()
    assert (row.title, row.content, row.sha256) == was
    assert refused(operations.amend, row, plan(filled, title="改一改"), by=filled.li) == "board_stale"
    cast_wish = filled.wish()  # the world goes on; the issue does not
    assert cast_wish.state == "open" and row.content == was[1] and content.untouched(row)
    with pytest.raises(IntegrityError, match="never changed"):
        db.session.execute(update(Publication).values(title="绕过程序改的"))
    db.session.rollback()
    past_the_portal(update(Publication).values(title="绕过程序改的"))
    db.session.refresh(row)
    assert not content.untouched(row)  # whoever goes past the portal is seen by the seal


def test_the_period_is_chosen_in_days(filled):
    row = operations.draft(filled.campaign, plan(filled, first=filled.today, last=filled.today), by=filled.li)
    assert row.to_at - row.from_at == timedelta(days=1)
    assert not row.content["whole"] and row.content["sentence"][0][0].startswith("这一时段")
    assert refused(operations.amend, row, plan(filled, last=filled.today + timedelta(days=1)), by=filled.li) == "period_future"
    assert refused(operations.amend, row, plan(filled, first=filled.today, last=filled.today - timedelta(days=1)), by=filled.li) == "period_order"
    operations.amend(row, plan(filled), by=filled.li)
    assert row.content["figures"]["wish"]["published"] == 58


@pytest.mark.parametrize(
    ("where", "text", "code"),
    [
        ("title", "感谢周女士，电话 13812345678", "board_private"), ("remark", "身份证 11010519491231002X 的家庭已送到", "board_private"),
        ("remark", "和平路12号3栋已送", "board_private"), ("remark", "其中 3 户因搬家未送", "board_small"), ("remark", "另有两人改期", "board_small"),
    ],
)  # fmt: skip
def test_personal_data_in_the_text_stops_it(filled, where, text, code):
    row = operations.draft(filled.campaign, plan(filled, **{where: text}), by=filled.li)
    assert refused(operations.submit, row, by=filled.li) == code
    assert row.state == "draft"
    operations.amend(row, plan(filled, remark="共 12 户改期，另见下期。"), by=filled.li)
    operations.submit(row, by=filled.li)


def spoil(row: Publication, change) -> None:
    """Change the content of a row behind the operations' back, as a fault in composing would."""
    spoiled = copy.deepcopy(row.content)
    change(spoiled)
    row.content = spoiled
    db.session.commit()


SPOILT = {
    "a small cell": (lambda c: c["tables"]["category"]["rows"][0]["cells"].__setitem__(2, 3), "board_small"),
    "a cell the total gives away": (lambda c: c["tables"]["category"]["rows"][0]["cells"].__setitem__(2, None), "board_small"),
    "a merged row of one": (lambda c: c["tables"]["category"]["rows"][1].update(of=["food"]), "board_small"),
    "a small figure": (lambda c: c["figures"].update(households=2), "board_small"),
    "a rate that gives a hidden figure away": (lambda c: c["figures"]["wish"].update(fulfilled=None), "board_small"),
    "a wrong sum": (lambda c: c["tables"]["category"]["total"].__setitem__(0, 57), "board_shape"),
    "a row for a person": (lambda c: c["tables"]["category"]["rows"][0].update(label="周玉华"), "board_private"),
    "a place nobody knows": (lambda c: c["tables"]["town"]["rows"][0].update(label="和平路", of=["和平路"]), "board_private"),
    "a column more": (lambda c: c["tables"]["category"]["columns"].append("household"), "board_shape"),
    "a text in a cell": (lambda c: c["tables"]["category"]["rows"][0]["cells"].__setitem__(0, "周玉华"), "board_shape"),
    "a table more": (lambda c: c["tables"].update(wishes=c["tables"]["category"]), "board_shape"),
    "a phone on the wall": (lambda c: c["wall"]["names"][0].update(name="禾丰 13812345678"), "board_private"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_the_check_sees_what_composing_should_not_have_done(filled, name):
    change, code = SPOILT[name]
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert operations.look_over(row) == []
    spoil(row, change)
    assert refused(operations.submit, row, by=filled.li) == code
    db.session.execute(update(Publication).values(state="submitted"))
    db.session.commit()
    assert refused(operations.publish, row, by=filled.zhou) == code


def test_issues_cannot_be_subtracted(filled):
    """Two more wishes fulfilled in one category: the second issue does not let a reader see where."""
    first = published(filled)
    rows = Rows(filled, first.from_at)
    rows.serial = itertools.count(200_000)
    for _ in range(2):
        rows.unit("confirmed", category="home", town="潞桥街道")
    rows.write()
    second = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert second.content["tables"]["category"]["rows"] == []
    assert second.content["tables"]["category"]["total"] == [60, 47, 25]
    problems = operations.look_over(second)
    assert {problem.kind for problem in problems} == {"difference"}  # of totals: a remark, no obstacle
    change = lambda c: c["tables"].update(category={  # noqa: E731
        "columns": c["tables"]["category"]["columns"], "total": [60, 47, 25],
        "rows": [{"label": "home", "of": ["home"], "cells": [32, 26, 14]}, {"label": "other", "of": ["food", "skill", "study"], "cells": [28, 21, 11]}],
    })  # fmt: skip
    spoil(second, change)
    assert refused(operations.submit, second, by=filled.li) == "board_small"


def test_only_those_who_agree_stand_on_the_wall(filled):
    db.session.execute(update(Enterprise).where(Enterprise.short_name == "远景机电").values(public_name=False))
    db.session.commit()
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert row.content["wall"] == {"names": [{"name": "禾丰食品", "wishes": 8, "packs": 20}], "others": 1}
    operations.submit(row, by=filled.li)
    db.session.execute(update(Enterprise).values(public_name=False))  # taken back before publishing
    db.session.commit()
    assert refused(operations.publish, row, by=filled.zhou) == "board_private"


def test_the_wall_does_not_add_up_to_a_hidden_figure(cast):
    rows = Rows(cast, utcnow() - timedelta(days=10))
    for _ in range(3):
        rows.unit("confirmed")
    for number in range(8):
        rows.lot(1, [{"quantity": 1, "end": "fulfilled", "confirmed": 1, "by": "union" if number < 2 else "enterprise"}])
    rows.write()
    row = operations.draft(cast.campaign, plan(cast), by=cast.li)
    shown = row.content["figures"]
    assert (shown["wish"]["fulfilled"], shown["pack"]["fulfilled"], shown["pack"]["covered_fulfilled"]) == (None, 8, None)
    assert row.content["wall"]["names"] == [{"name": "禾丰食品", "wishes": None, "packs": None}]
    assert "少于 5" in content.plain(row.content["sentence"])
    assert shown["wish"]["rates"] == {"claim": "", "fulfil": "", "keep": ""}


def test_an_erratum_is_signed_by_two_and_changes_nothing(filled):
    row = published(filled)
    seal, before = row.sha256, copy.deepcopy(row.content)
    assert refused(operations.write_erratum, row, "周女士家的电话 13812345678 登错了", by=filled.li) == "board_private"
    erratum = operations.write_erratum(row, "认领企业应为 3 家。", "2 家", "3 家", by=filled.li, idem="e")
    assert operations.write_erratum(row, "认领企业应为 3 家。", by=filled.li, idem="e").id == erratum.id
    assert refused(operations.publish_erratum, erratum, by=filled.li) == "same_person"
    operations.publish_erratum(erratum, by=filled.zhou)
    assert refused(operations.publish_erratum, erratum, by=filled.zhou) == "erratum_step"
    assert refused(operations.discard_erratum, erratum, by=filled.li) == "erratum_step"
    assert (erratum.state, erratum.published_by) == ("published", filled.zhou.id)
    erratum.text = "改了"
    with pytest.raises(Frozen):
        db.session.flush()
    db.session.rollback()
    db.session.refresh(row)
    assert (row.sha256, row.content) == (seal, before) and content.untouched(row)
    assert events()[-2:] == ["erratum.draft", "erratum.publish"]
    draft = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert refused(operations.write_erratum, draft, "还没发布", by=filled.li) == "board_step"


def test_what_waits_for_whom(filled):
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    assert publishing.counts(filled.zhou) == {"publications": 0}
    operations.submit(row, by=filled.li)
    assert publishing.counts(filled.zhou) == {"publications": 1}
    assert publishing.counts(filled.li) == {"publications": 0}  # the drafter cannot publish it
    assert publishing.counts(filled.lin) == {} and publishing.counts(filled.gu) == {}
    operations.publish(row, by=filled.zhou)
    operations.write_erratum(row, "更正一处。", by=filled.zhou)
    assert (publishing.counts(filled.zhou), publishing.counts(filled.li)) == ({"publications": 0}, {"publications": 1})


def test_other_units_see_nothing(filled):
    row = published(filled)
    assert queries.publication_for_staff(filled.li, row.code) and not queries.publication_for_staff(filled.lin, row.code)
    assert queries.staff_list(filled.he) == [] and queries.campaigns_for(filled.lin) == []
    assert db.session.scalar(select(func.count()).select_from(Erratum)) == 0
    assert db.session.scalar(select(func.count()).select_from(Campaign)) == 1 and db.session.scalar(select(func.count()).select_from(Posting)) == 59


def test_whoever_wrote_an_issue_last_does_not_publish_it(filled):
    row = operations.draft(filled.campaign, plan(filled), by=filled.li)
    operations.amend(row, plan(filled), by=filled.zhou)
    operations.submit(row, by=filled.li)
    with pytest.raises(Refused, match="same_person"):
        operations.publish(row, by=filled.zhou)
    operations.publish(row, by=filled.li)
