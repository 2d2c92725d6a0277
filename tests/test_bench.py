"""What the bench measures is the portal as it is: the filled database answers the hall's questions, and its figures agree with a recount."""

from __future__ import annotations

import re

from bench.browsing import deep
from bench.figure import Figure
from bench.fill import fill
from bench.measure import Request, session_cookie
from bench.plain import page_app
from bench.scene import Scene
from portal.database import db
from portal.wishes import shelf


def test_a_filled_database_is_a_hall_like_any_other(app):
    fill(app, 600)
    cookie = session_cookie(app)
    whole = Request(app, "/wishes", cookie).check().decode()
    assert whole.count('class="wish') == 12
    wanted = int(re.search(r"<strong>(\d+) 个待认领", whole)[1])
    found = Request(app, "/wishes?q=大米", cookie).check().decode()
    assert 0 < int(re.search(r"<strong>(\d+) 个待认领", found)[1]) < wanted
    assert "没有符合条件" in Request(app, "/wishes?q=龘鱻", cookie).check().decode()
    assert Request(app, deep(Scene("", 600, app, {}, 0.0), 10_000), cookie).check().decode().count('class="wish') == 12
    with app.app_context():
        assert shelf.kept(db.session) == shelf.recount(db.session)
        db.session.remove()


def test_the_plain_page_has_as_many_bytes(app):
    assert abs(len(Request(page_app(40_000), "/").check()) - 40_000) < 100


def test_a_figure_says_whether_its_goal_is_met():
    assert [Figure("", "", "", value, 0.9, "least").met for value in (0.89, 0.9, 1.0)] == [False, True, True]
    assert [Figure("", "", "", value, 2.0).met for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert Figure("", "", "", 1.0).met is None
    assert "**not met**" in Figure("", "", "", 3.0, 2.0).row()
