"""What stands around every request: addresses that nobody's browser makes, and the page while the database is away."""

from __future__ import annotations

import pytest

from tests.reader import Reader

HUGE = "9" * 25
LISTS = {
    "admin": ("/admin/accounts", "/enterprises"),
    "zhao": ("/claims", "/wishes"),
    "lin": ("/station", "/deliveries"),
    "li": ("/confirm",),
}
NUL = {
    "admin": ("/admin/accounts/%00", "/admin/accounts?q=%00", "/events?who=a%00"),
    "zhao": ("/claims/new/%00", "/basket?dropped=%00", "/s/%00"),
    "lin": ("/households/%00", "/station?q=%00", "/postings?after=%00"),
    "li": ("/review/%00", "/follow/batch?batch=%00", "/confirm?%00=1"),
    "": ("/board/%00", "/board/%00.xlsx"),
}


def browser(app, who: str) -> Reader:
    """A browser in which this person is signed in; "" for nobody."""
    reader = Reader(app)
    if who:
        reader.sign_in(who)
    return reader


@pytest.mark.parametrize("who", LISTS)
def test_a_page_that_no_database_can_count_to_is_a_page(app, cast, who):
    reader = browser(app, who)
    for path in LISTS[who]:
        reader.get(f"{path}?page={HUGE}")
        reader.get(f"{path}?page=-{HUGE}")


def test_a_place_in_the_log_that_no_database_can_count_to_is_its_beginning(app, cast):
    reader = browser(app, "admin")
    assert reader.get(f"/events?before={HUGE}").text.count("account.sign_in") == reader.get("/events").text.count("account.sign_in")


@pytest.mark.parametrize("who", NUL)
def test_an_address_with_a_nul_leads_nowhere(app, cast, who):
    client = browser(app, who).client
    assert {path: client.get(path).status_code for path in NUL[who]} == dict.fromkeys(NUL[who], 404)


def test_a_nul_in_a_bare_field_of_a_form_is_refused(app, cast):
    reader = browser(app, "li")
    reader.post("/confirm", status=404, code="QS-\0")


def test_while_the_database_is_away_everybody_gets_the_page_that_says_so(make_app, tmp_path):
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/no/such/folder/portal.sqlite3")
    app.testing = False  # as on a server: what nobody caught is a bare 500
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["_user_id"] = "a token of somebody signed in"
    for path in ("/wishes", "/desk", "/board", "/healthz"):
        response = client.get(path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5"), path
        assert "正在维护" in response.get_data(as_text=True)
        assert response.headers["Content-Security-Policy"]


def test_a_disk_that_takes_nothing_more_is_the_same_page(make_app, tmp_path):
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/portal.sqlite3")
    app.testing = False
    (tmp_path / "portal.sqlite3.writer").mkdir()  # the file of the writers' queue cannot be opened
    assert app.test_client().get("/healthz").status_code == 503
    assert app.test_client().get("/login").status_code == 200, "reading goes on"
