"""The event log: who reads it, how it is narrowed, and that every act has a word."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import event as sa_event
from sqlalchemy import select

from portal.database import db
from portal.enterprises.operations import STEPS as VETTING
from portal.journal import Event
from portal.wishes.lifecycle import STEPS
from portal.wishes.operations import posting
from portal.wording import LABELS

PORTAL = Path(__file__).resolve().parents[2] / "portal"
# What the placeholder in f"claim.{name}" may stand for.
NAMES = {
    "posting": {step.name for step in STEPS if step.thing == "posting"}, "claim": {step.name for step in STEPS if step.thing == "claim"},
    "delivery": {step.name for step in STEPS if step.thing == "delivery"}, "enterprise": set(VETTING), "erratum": {"publish", "discard"},
}  # fmt: skip


def actions() -> set[str]:
    """Every action that the source can write into the log."""
    found: set[str] = set()
    for path in PORTAL.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "event" and node.args:
                found |= _spelled(node.args[0], path)
    return found


def _spelled(argument: ast.expr, path: Path) -> set[str]:
    if isinstance(argument, ast.Constant):
        return {str(argument.value)} if "." in str(argument.value) else set()
    assert isinstance(argument, ast.JoinedStr), f"{path.name}:{argument.lineno}: an action that cannot be read from the source"
    kind = str(argument.values[0].value).rstrip(".")  # type: ignore[attr-defined]
    return {f"{kind}.{name}" for name in NAMES[kind]}


def test_every_act_has_a_word_and_every_kind_too():
    found = actions()
    assert len(found) > 40
    assert not found - set(LABELS["step"])
    assert not {action.split(".")[0] for action in found} - set(LABELS["thing"])
    assert not {step.event for step in STEPS} - set(LABELS["step"])


@pytest.mark.parametrize(("username", "status"), [("gu", 200), ("admin", 200), ("lin", 403), ("zhou", 403), ("zhao", 403)])
def test_who_reads_the_log(cast, reader, username, status):
    cast.wish()
    reader.sign_in(username, status=0)
    reader.get("/events", status=status)


def acts_of(page) -> list[str]:
    """The words of the acts on a page of the log."""
    return page.texts("td[data-l=动作]")


def test_filters_by_record_kind_act_person_and_day(cast, reader):
    wish = cast.wish()
    cast.claim(wish, state="ready")
    reader.sign_in("gu")
    assert acts_of(reader.get("/events", thing=wish.code.lower())) == ["审核通过", "提交审核", "写了草稿"]
    assert acts_of(reader.get("/events", kind="claim")) == ["备好货", "认领"]
    assert acts_of(reader.get("/events", action="posting.approve")) == ["审核通过"]
    assert acts_of(reader.get("/events", who="zhou")) == ["审核通过"]
    assert acts_of(reader.get("/events", day=cast.today.isoformat(), kind="claim")) == ["备好货", "认领"]
    assert "没有符合这些条件的记录" in reader.get("/events", day="2020-01-01").main
    assert reader.get("/events", thing=wish.code).texts("td a") == [wish.code] * 3


def test_an_auditor_of_a_street_reads_only_the_street(cast, reader):
    theirs, ours = cast.wish(unit="donghu"), cast.wish()
    gu = db.session.scalars(select(db.metadata.tables["account"].c.id).where(db.metadata.tables["account"].c.username == "gu")).one()
    db.session.execute(db.metadata.tables["account"].update().where(db.metadata.tables["account"].c.id == gu).values(unit_id=cast.units["luqiao"].id))
    db.session.commit()
    reader.sign_in("gu")
    page = reader.get("/events")
    assert ours.code in page.main and theirs.code not in page.main


def test_pages_go_on_where_the_last_one_ended(cast, reader, monkeypatch):
    monkeypatch.setattr("portal.evidence.queries.PER_PAGE", 4)
    for _ in range(3):
        cast.wish()
    reader.sign_in("gu")
    page, seen = reader.get("/events", kind="posting"), []
    while True:
        seen += acts_of(page)
        if "下一页" not in {link.text for link in page.links}:
            break
        page = page.follow("下一页")
    assert seen == ["审核通过", "提交审核", "写了草稿"] * 3


def test_as_many_queries_for_twenty_rows_as_for_one(cast, reader):
    def queries() -> int:
        seen: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            seen.append(statement)

        sa_event.listen(db.engine, "before_cursor_execute", count)
        reader.get("/events")
        sa_event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    reader.sign_in("gu")
    one = queries()
    for _ in range(7):
        cast.wish()
    assert queries() == one


def test_what_changed_is_told_in_words(cast, reader):
    delivery = cast.delivery(state="signed")
    wish = cast.wish("submitted")
    posting.send_back(wish, "unclear", by=cast.zhou)
    reader.sign_in("gu")
    assert reader.get("/events", thing=delivery.code).texts("td[data-l=内容]") == ["签收人 本人；方式 手写签名；号码相符 是；照片 0"]
    assert reader.get("/events", action="posting.return").texts("td[data-l=内容]") == ["原因 写得不够清楚"]


def test_no_person_of_a_household_is_in_the_log(cast, reader):
    cast.delivery(state="confirmed")
    reader.sign_in("gu")
    page = reader.get("/events")
    assert "周玉华" not in page.html and "何大妈" not in page.html
    assert db.session.scalar(select(Event.id).limit(1))


def test_what_contacts_do_is_read_by_the_union_that_vets_their_enterprise_alone(cast, reader):
    reader.sign_in("zhao")
    reader.get("/account").submit("退出")
    places = db.session.execute(select(Event.action, Event.unit_id).where(Event.actor_id == cast.zhao.id)).all()
    assert {tuple(row) for row in places} == {(f"account.{name}", cast.units["district"].id) for name in ("sign_in", "sign_out")}
