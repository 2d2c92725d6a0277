"""The tree of units: made, changed, moved with all below, retired when empty; an administrator stays in the own subtree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.accounts import admin_operations as operations
from portal.accounts import admin_queries as queries
from portal.accounts.admin_operations import UnitFacts
from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.accounts.queries import units_under
from portal.codes import new_code
from portal.database import db, utcnow
from portal.journal import Actor, Event
from portal.refusal import Refused
from tests.cast import password_hash

FACTS = UnitFacts("双桥街道总工会", "双桥街道", "street", "双桥街道", "双桥街道工会服务站", "双桥路 31 号", "0329-89860007")


def events() -> list[str]:
    return list(db.session.scalars(select(Event.action).order_by(Event.id)))


def refused(what, *args: object, **more: object) -> str:
    with pytest.raises(Refused) as caught:
        what(*args, **more)
    return caught.value.code


def local_admin(cast, unit: str = "district", username: str = "ma") -> Actor:
    """An administrator of a lower unit."""
    there = cast.units[unit]
    account = Account(
        code=new_code("RY"),
        username=username,
        name="马力",
        password_hash=password_hash(),
        unit_id=there.id,
        created_at=utcnow(),
        grants=[RoleGrant(role="admin")],
    )
    db.session.add(account)
    db.session.commit()
    return Actor(account.id, account.name, frozenset({"admin"}), there.id, there.path)


def test_a_unit_is_made_and_changed_with_one_event_each(cast):
    unit = operations.create_unit(FACTS, cast.units["district"], by=cast.admin)
    assert unit.path == f"{cast.units['district'].path}{unit.id}/"
    operations.change_unit(unit, UnitFacts("双桥街道总工会", "双桥", "street", "双桥街道"), by=cast.admin)
    assert (unit.short_name, unit.station) == ("双桥", "")
    assert events() == ["unit.create", "unit.change"]
    changed = db.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert changed.unit_id == unit.id and changed.changes == {"fields": ["short_name", "station", "station_address", "station_phone"]}


def test_a_unit_moves_with_everything_below_it(cast):
    below = operations.create_unit(FACTS, cast.units["luqiao"], by=cast.admin)
    deeper = operations.create_unit(FACTS, below, by=cast.admin)
    operations.move_unit(cast.units["luqiao"], cast.units["donghu"], by=cast.admin)
    donghu = cast.units["donghu"].path
    luqiao = f"{donghu}{cast.units['luqiao'].id}/"
    assert [cast.units["luqiao"].path, below.path, deeper.path] == [luqiao, f"{luqiao}{below.id}/", f"{luqiao}{below.id}/{deeper.id}/"]
    assert cast.units["luqiao"].parent_id == cast.units["donghu"].id
    he = Actor(cast.he.id, "何雨", cast.he.roles, cast.he.unit_id, donghu)
    assert deeper.id in db.session.scalars(units_under(he)).all(), "the new parent's people reach it"
    assert events()[-1] == "unit.move"


def test_a_move_touches_no_unit_whose_number_begins_alike(cast):
    paths = {}
    for number in range(12):  # until one id is the beginning of another
        unit = operations.create_unit(replace(FACTS, name=f"双桥街道第{number}总工会"), cast.units["district"], by=cast.admin)
        paths[unit.id] = unit.path
    operations.move_unit(db.session.get(UnionUnit, min(paths)), cast.units["city"], by=cast.admin)
    moved = {unit.id: unit.path for unit in db.session.scalars(select(UnionUnit).where(UnionUnit.id.in_(paths)))}
    assert {key for key in paths if paths[key] != moved[key]} == {min(paths)}


def test_no_unit_goes_into_its_own_subtree(cast):
    assert refused(operations.move_unit, cast.units["district"], cast.units["luqiao"], by=cast.admin) == "unit_loop"
    assert refused(operations.move_unit, cast.units["district"], cast.units["district"], by=cast.admin) == "unit_loop"
    assert events() == []


def test_a_unit_is_retired_when_it_is_empty(cast):
    assert refused(operations.retire_unit, cast.units["luqiao"], by=cast.admin) == "unit_in_use"
    unit = operations.create_unit(FACTS, cast.units["district"], by=cast.admin)
    child = operations.create_unit(FACTS, unit, by=cast.admin)
    assert refused(operations.retire_unit, unit, by=cast.admin) == "unit_in_use"
    operations.retire_unit(child, by=cast.admin)
    operations.retire_unit(unit, by=cast.admin)
    assert refused(operations.retire_unit, unit, by=cast.admin) == "unit_closed"
    assert refused(operations.create_unit, FACTS, unit, by=cast.admin) == "unit_closed"
    assert refused(operations.move_unit, cast.units["luqiao"], unit, by=cast.admin) == "unit_closed"
    assert refused(operations.reopen_unit, child, by=cast.admin) == "parent_closed"
    operations.reopen_unit(unit, by=cast.admin)
    assert refused(operations.reopen_unit, unit, by=cast.admin) == "unit_open"
    assert events() == ["unit.create", "unit.create", "unit.retire", "unit.retire", "unit.reopen"]


def test_the_list_follows_the_tree(cast):
    cast.units["later"] = operations.create_unit(FACTS, cast.units["luqiao"], by=cast.admin)
    branches = queries.tree(cast.admin)
    assert [(branch.unit.short_name[:2], branch.depth, branch.people) for branch in branches] == [
        ("云湖", 0, 1), ("云湖", 1, 3), ("潞桥", 2, 2), ("双桥", 3, 0), ("东湖", 2, 1),
    ]  # fmt: skip


def test_pages_from_new_to_retired(cast, reader):
    reader.sign_in("admin")
    page = reader.get("/admin/units").follow("新建单位")
    again = page.submit("建好单位", 422, name="双桥街道总工会", short_name="", level="street")
    assert "请填简称" in again.text and dict(again.button("建好单位").form.values)["name"] == "双桥街道总工会"
    parent = cast.units["luqiao"].code
    page = again.submit("建好单位", parent=parent, short_name="双桥", level="street", station="双桥站")
    assert page.path == "/admin/units" and "单位已建好" in page.text
    page = reader.get(f"/admin/units/{_code('双桥')}").submit("保存", station_phone="0329-89860007")
    assert "单位资料已保存" in page.text
    page = reader.get(f"/admin/units/{_code('双桥')}").follow("移到别的上级")
    page = page.submit("移过去", parent=cast.units["donghu"].code)
    assert "单位已移到新的上级" in page.text
    page = reader.get(f"/admin/units/{_code('双桥')}").submit("停用")
    assert "单位已停用" in page.text
    page = reader.get(f"/admin/units/{_code('双桥')}").submit("恢复使用")
    assert "单位已恢复" in page.text
    loop = reader.get(f"/admin/units/{cast.units['district'].code}/move").submit("移过去", 422, parent=cast.units["luqiao"].code)
    assert "不能把单位移到它自己的下级" in loop.text
    assert "不能停用" in reader.post(f"/admin/units/{cast.units['luqiao'].code}/retire", 409).text


def _code(short_name: str) -> str:
    return db.session.scalars(select(UnionUnit.code).where(UnionUnit.short_name == short_name)).one()


def test_beyond_the_own_subtree_nothing_is_there(cast, reader):
    local_admin(cast, "luqiao")
    reader.sign_in("ma")
    page = reader.get("/admin/units")
    assert "潞桥街道总工会" in page.text and "东湖街道总工会" not in page.text
    other = cast.units["donghu"].code
    for path in (f"/admin/units/{other}", f"/admin/units/{other}/move"):
        reader.get(path, 404)
    for step in ("", "/move", "/retire", "/reopen"):
        reader.post(f"/admin/units/{other}{step}", 404, name="x")
    own = reader.get(f"/admin/units/{cast.units['luqiao'].code}")
    assert {button.text for button in own.buttons} >= {"保存"} and not {"停用", "恢复使用"} & {button.text for button in own.buttons}
    crafted = reader.post("/admin/units/new", 422, name="甲", short_name="甲", level="base", parent=other)
    assert crafted.status == 422 and events() == ["account.sign_in"]
