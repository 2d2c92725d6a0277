"""The reader of the tests is itself tested: what it lets through, and that it complains about each thing it should."""

from __future__ import annotations

import pytest
from flask import Flask, redirect, request
from werkzeug.wrappers import Response

from tests.reader import Reader

GOOD = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>心愿</title></head><body><main><h1>心愿</h1>
<a href="/two?x=1">去</a>
<form method="post" action="/save" enctype="multipart/form-data">
<input type="hidden" name="csrf_token" value="t"><label for="a">名称</label><input id="a" name="a" value="原">
<fieldset><legend>方式</legend><label><input type="radio" name="r" value="1" checked>一</label><label><input type="radio" name="r" value="2">二</label></fieldset>
<label><input type="checkbox" name="c">同意</label>
<label>类别<select name="s" multiple><option>甲<option selected>乙</select></label>
<label>说明<textarea name="t">
两行</textarea></label>
<label>照片<input type="file" name="f"></label>
<button name="go" value="1">保存</button><button formaction="/other">另存</button>
</form></main></body></html>"""


def _app(html: str) -> Flask:
    app = Flask(__name__)

    @app.get("/")
    @app.get("/two")
    def home() -> str:
        return html

    @app.post("/save")
    def save() -> Response:
        sent = [f"{name}={value}" for name, value in sorted(request.form.items(multi=True))]
        app.config["SENT"] = sent + [file.filename for file in request.files.values()]
        return redirect("/two?done=1", 303)

    return app


def test_a_good_page_is_read_followed_and_sent():
    app = _app(GOOD)
    page = Reader(app).get("/")
    assert (page.heading, page.title) == ("心愿", "心愿")
    assert page.follow("去").path == "/two?x=1"
    assert [(button.text, button.action) for button in page.buttons] == [("保存", "/save"), ("另存", "/other")]
    assert page.forms[0].values == [("csrf_token", "t"), ("a", "原"), ("r", "1"), ("s", "乙"), ("t", "两行")]
    after = page.submit("保存", a="新", r="2", c=True, s=["甲", "乙"], f=(b"x", "x.jpg"))
    assert after.path == "/two?done=1"
    assert app.config["SENT"] == ["a=新", "c=on", "csrf_token=t", "go=1", "r=2", "s=乙", "s=甲", "t=两行", "x.jpg"]


@pytest.mark.parametrize(
    ("fields", "complaint"), [({"r": "9"}, "does not offer"), ({"zz": "1"}, "the form has no"), ({"s": ["丙"]}, "does not offer")]
)
def test_what_the_form_does_not_have_cannot_be_filled_in(fields, complaint):
    page = Reader(_app(GOOD)).get("/")
    with pytest.raises(AssertionError, match=complaint):
        page.submit(0, **fields)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<title>心愿", "<title>", "<title> is empty"),
        ("<h1>心愿</h1>", "", "0 <h1>"),
        ('lang="zh-CN"', "", "no lang"),
        ('<meta charset="utf-8">', "", "charset"),
        ('id="a"', 'id="b"', "is for nothing"),
        ('id="a"', 'id="b"', "has no label"),
        ("<h1>", '<b id="a"></b><h1>', "there 2 times"),
        ("<label>说明", "<div>说明", "Unexpected end tag"),
        ("<main>", "<main><p><div></div></p>", "Unexpected end tag"),
        ("</form>", "", "seen too early"),
        ('value="t"', "", "0 CSRF tokens"),
        ('method="post"', 'method="get"', "into the address"),
        ('enctype="multipart/form-data"', "", "enctype"),
        ("<main>", "<main><form></form>", "no submit button"),
        ("<main>", '<main style="color:red">', "inline style"),
        ("<main>", "<main><style>p{}</style>", "inline <style>"),
        ("<main>", '<main onclick="x()">', "inline script"),
        ("<main>", "<main><script>x()</script>", "inline <script>"),
        ("<main>", '<main><img src="https://example.org/x.png" alt="">', "elsewhere"),
        ("<main>", '<main><img src="/x.png">', "has no alt"),
        ("<main>", "<main>%(name)s", "not filled in"),
        (">去<", "><", "has no name"),
        ("<legend>方式</legend>", "", "no legend"),
    ],
)
def test_each_fault_is_named(old, new, complaint):
    assert old in GOOD
    with pytest.raises(AssertionError) as caught:
        Reader(_app(GOOD.replace(old, new, 1))).get("/")
    assert complaint in str(caught.value)


def test_a_wrong_status_is_named():
    with pytest.raises(AssertionError, match="200, 404 expected"):
        Reader(_app(GOOD)).get("/", status=404)
