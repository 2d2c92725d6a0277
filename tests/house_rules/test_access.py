"""Who may do what to whose things: every rule of the URL map × method × person × thing × page or fragment, against access.tsv."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import delete, select

import portal
from portal import policy, web
from portal.accounts.models import Account, RoleGrant, UnionUnit
from portal.database import db
from portal.site import bp as site
from portal.wishes.models import Claim
from tests.cast import PEOPLE as STAFF
from tests.house_rules.matrix import Line, Matrix, lines, stop_at_the_act
from tests.reader import Reader
from tests.world import FIRMS, PEOPLE, REACH, World

LINES = lines()
ROLES = {name: frozenset(roles) for name, (_name, _unit, roles) in STAFF.items()} | {name: frozenset({"contact"}) for name in FIRMS}
PARTS = 4
# The rules do not depend on the kind of database; every other test runs on both.
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
# A POST that changes nothing: an ID number must not stand in an address.
ASKS_BY_POST = {"/households/find"}
# Scopes that no page can show to be missing: the command line's, an UPDATE's after its own row was found in scope, and sums.
UNSEEN = {"portal.wishes.importing", "portal.wishes.operations.campaigns", "portal.wishes.desk_queries"}


def may(line: Line, person: str) -> bool:
    """Whether the policy gives a person the line's permission."""
    return policy.allowed(line.permission, ROLES.get(person, frozenset()), person != "public")


def wanted(line: Line, person: str, where: str, part: bool) -> str:
    """What the file and the policy say together."""
    if not may(line, person):
        return "door" if person == "public" else "403"
    whole, _slash, fragment = line.expected(person, where).partition("/")
    return fragment if part and fragment else whole


def cells(matrix: Matrix, line: Line, person: str) -> Iterator[tuple[str, str, dict[str, str], bool]]:
    """(holder, where, values, part) of one line and person; without the permission one thing is as good as any."""
    holders = list(matrix.holders(line, person))
    for holder, where, values in holders if may(line, person) else holders[:1]:
        for part in (False, True):
            yield holder, where, values, part


def differences(matrix: Matrix, some: list[Line], people: tuple[str, ...] = PEOPLE) -> Iterator[str]:
    """The cells that are not as the file says, in words."""
    for line in some:
        for person in people:
            for holder, where, values, part in cells(matrix, line, person):
                got, right = matrix.answer(line, person, values, part), wanted(line, person, where, part)
                if got != right:
                    yield f"{line.method} {line.address} {line.body} as {person}, {holder}'s ({where}{', fragment' if part else ''}): {got}, not {right}"


# -- the file and the URL map ---------------------------------------------------------------------------------------------------------


@on_sqlite
def test_every_rule_is_listed_once_with_its_permission(world_app: Flask) -> None:
    there = {
        (method, rule.rule, world_app.view_functions[rule.endpoint].permission)  # type: ignore[attr-defined]
        for rule in world_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    listed = {(line.method, line.rule, line.permission) for line in LINES}
    assert there == listed, f"not in access.tsv: {sorted(there - listed)}; not in the URL map: {sorted(listed - there)}"
    assert len({(line.method, line.address, line.body, line.thing) for line in LINES}) == len(LINES)


def test_nothing_is_changed_by_reading() -> None:
    for line in LINES:
        assert line.method in ("GET", "POST")
        if line.method == "GET":
            assert "act" not in f"{line.reach} {line.but}", f"GET {line.address} changes something"
        elif line.permission in policy.READING:
            assert line.rule in ASKS_BY_POST and line.reach != "act", f"POST {line.address} needs more than {line.permission}"


def test_what_is_not_theirs_looks_absent() -> None:
    for line in LINES:
        if line.thing and line.method == "GET" and "?" not in line.address and line.beyond:
            assert (line.beyond, line.absent) == ("404", "404"), line.address
        assert line.beyond == line.absent or not line.beyond, f"{line.address} tells what is not theirs from what is not there"


@on_sqlite
def test_every_kind_of_thing_is_there(world: World) -> None:
    for line in LINES:
        assert not line.thing or world.things[line.thing]
        assert line.thing or "<" not in line.address.replace("<name>", "").replace("<path:filename>", ""), line.address


# -- the matrix -----------------------------------------------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize("part", range(PARTS))
def test_the_matrix(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    matrix = Matrix(world_app, world)
    stop_at_the_act(monkeypatch)
    wrong = list(differences(matrix, LINES[part::PARTS]))
    assert not wrong, "\n".join(wrong[:40])


@on_sqlite
def test_without_the_permission_check_every_line_is_red(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Matrix(world_app, world, ("public", "lin", "zhou", "gu", "zhao"))
    stop_at_the_act(monkeypatch)
    monkeypatch.setattr(web, "may", lambda name: True)
    for line in LINES:
        stranger = next((person for person in reversed(matrix.readers) if not may(line, person)), None)
        if stranger:
            assert any(differences(matrix, [line], (stranger,))), f"nobody misses the permission of {line.method} {line.address}"


def _everywhere(_by: object) -> object:
    return select(UnionUnit.id)


SCOPED = sorted(name for name, module in sys.modules.items() if name.startswith("portal.") and hasattr(module, "units_under"))


@on_sqlite
@pytest.mark.parametrize("module", sorted(set(SCOPED) - UNSEEN - {"portal.accounts.queries"}))
def test_without_the_scope_of_a_query_a_cell_is_red(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    people = ("he", "zhou", "gu", "admin")
    matrix = Matrix(world_app, world, people)
    stop_at_the_act(monkeypatch)
    monkeypatch.setattr(f"{module}.units_under", _everywhere)
    asked = (
        matrix.answer(line, person, values, False) != wanted(line, person, where, False)
        for line in LINES for person in people if may(line, person)
        for _holder, where, values in matrix.holders(line, person) if where == "beyond" or not line.thing or "?" in line.address
    )  # fmt: skip
    assert any(asked), f"nobody misses the scope in {module}"


@on_sqlite
def test_without_the_owner_of_a_claim_a_cell_is_red(world_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Matrix(world_app, world, ("zhao", "sun"))
    stop_at_the_act(monkeypatch)
    monkeypatch.setattr("portal.wishes.queries.claim_of", lambda by, code: db.session.scalar(select(Claim).where(Claim.code == code)))
    assert any(differences(matrix, [line for line in LINES if line.thing.startswith("own.")], ("zhao", "sun")))


# -- beside the matrix ----------------------------------------------------------------------------------------------------------------


def test_a_lost_role_is_refused_at_the_next_request(world_app: Flask, world: World) -> None:
    reader = Reader(world_app)
    reader.sign_in("zhou")
    assert reader.get("/review").status == 200
    with world_app.app_context():
        mine = select(Account.id).where(Account.username == "zhou").scalar_subquery()
        db.session.execute(delete(RoleGrant).where(RoleGrant.account_id == mine))
        db.session.commit()
    reader.get("/review", status=403)
    reader.post("/review/approve", status=403, code=world.things["posting.submitted"]["luqiao"]["code"])


def test_a_closed_account_is_out_at_the_next_request(world_app: Flask, world: World) -> None:
    reader = Reader(world_app)
    reader.sign_in("zhao")
    with world_app.app_context():
        db.session.scalars(select(Account).where(Account.username == "zhao")).one().active = False
        db.session.commit()
    assert reader.get("/claims").path.startswith("/login")


def test_a_moved_person_sees_the_new_unit_only(world_app: Flask, world: World) -> None:
    reader, mine = Reader(world_app), world.things["household"]
    reader.sign_in("lin")
    reader.get(f"/households/{mine['luqiao']['code']}")
    with world_app.app_context():
        there = db.session.scalars(select(Account).where(Account.username == "he")).one().unit_id
        db.session.scalars(select(Account).where(Account.username == "lin")).one().unit_id = there
        db.session.commit()
    reader.get(f"/households/{mine['luqiao']['code']}", status=404)
    reader.get(f"/households/{mine['donghu']['code']}")


@on_sqlite
def test_the_portal_does_not_start_with_a_route_that_declares_nothing(stage: object, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    bare = type(site)("bare", __name__)
    bare.add_url_rule("/bare", view_func=lambda: "", endpoint="open_to_all")
    monkeypatch.setattr(portal, "BLUEPRINTS", (*portal.BLUEPRINTS, bare))
    with pytest.raises(RuntimeError, match=r"no @permission on: bare\.open_to_all"):
        portal.create_app({"INSTANCE": str(tmp_path), "TESTING": True})


def test_a_permission_that_is_not_in_the_table_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        web.permission("everything.do")


def test_everybody_of_the_cast_is_in_the_matrix() -> None:
    assert set(PEOPLE) == {"public", *ROLES} == set(REACH)
