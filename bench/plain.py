"""The plain programs that the portal is compared with: a Flask + Jinja page of as many bytes, and a bare claim.

The page is what anybody would write first: a layout, loops over filters and cards, every value escaped; no database, no session, no translation.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, render_template, request
from jinja2 import DictLoader
from sqlalchemy import Engine, text

from portal.codes import new_code
from portal.database import utcnow

CARDS = 24
LAYOUT = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="{{ style }}"><script src="{{ script }}" defer></script></head><body>
<header><a href="/">{{ site }}</a><nav>{% for i in menu %}<a href="{{ i.href }}">{{ i.label }}</a>{% endfor %}</nav><p>{{ person }}</p></header>
<main>{% block main %}{% endblock %}</main><footer>{{ phone }}</footer>{{ padding }}</body></html>"""
PAGE = """{% extends 'layout.html' %}{% block title %}{{ title }}{% endblock %}{% block main %}<h1>{{ title }}</h1>
<form method="get"><input name="q" value="{{ q }}">{% for f in facets %}<fieldset><legend>{{ f.title }}</legend>{% for o in f.options %}
<label><input type="checkbox" name="{{ f.name }}" value="{{ o.value }}"{% if o.on %} checked{% endif %}><span>{{ o.label }}</span><em>{{ o.count }}</em></label>{% endfor %}</fieldset>{% endfor %}</form>
<div class="grid">{% for c in cards %}<article id="{{ c.code }}"><p>{{ c.category }}</p><p>{{ c.state }}</p><h3><a href="/wishes/{{ c.code }}">{{ c.title }}</a></h3><p>{{ c.spec }} {{ c.text }}</p>
<dl><dt>参考价值</dt><dd>{{ c.value }}</dd><dt>最迟送达</dt><dd>{{ c.day }}</dd><dt>交付</dt><dd>{{ c.place }}</dd></dl>
<p>{{ c.code }}</p><form method="post" action="/basket/{{ c.code }}"><button>认领篮</button></form><a href="/claims/new/{{ c.code }}">认领</a>{{ c.rest }}</article>{% endfor %}</div>
<nav>{% for n in pages %}<a href="?page={{ n }}">{{ n }}</a>{% endfor %}</nav>{% endblock %}"""


def _context() -> dict[str, Any]:
    card = {
        "code": "WX-7F3K9Q", "category": "家电家居", "state": "待认领", "title": "一台带防倾倒保护的取暖器", "spec": "功率 2000 瓦以内",
        "text": "用于老人房间，最好带定时。", "value": "约 280 元", "day": "1月20日前（还有 8 天）", "place": "送到潞桥街道工会服务站", "rest": "",
    }  # fmt: skip
    facets = [
        {
            "title": f"筛选 {n}",
            "name": f"f{n}",
            "options": [{"value": f"v{k}", "label": f"选项 {k}", "count": k * 7, "on": k == 3} for k in range(size)],
        }
        for n, size in enumerate((8, 20, 5, 3))
    ]
    menu = [{"href": f"/{n}", "label": f"栏目 {n}"} for n in range(8)]
    return {
        "cards": [dict(card) for _ in range(CARDS)], "facets": facets, "menu": menu, "pages": range(1, 7), "title": "认领大厅", "site": "温暖多一度",
        "person": "禾丰食品", "phone": "12351", "q": "", "style": "/static/portal.css", "script": "/static/portal.js", "padding": "",
    }  # fmt: skip


def page_app(size: int) -> Flask:
    """A plain Flask + Jinja application whose "/" has ``size`` bytes."""
    app = Flask("plain")
    app.jinja_loader = DictLoader({"layout.html": LAYOUT, "page.html": PAGE})
    context = _context()

    @app.get("/")
    def page() -> str:
        return render_template("page.html", **context)

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    with app.app_context(), app.test_request_context():
        missing = size - len(render_template("page.html", **context).encode())
    for card in context["cards"]:
        card["rest"] = "x" * max(missing // CARDS, 0)
    return app


CLAIM = text(
    "UPDATE posting SET claimed = claimed + 1, version = version + 1 WHERE code = :code AND state = 'open' AND claimed < quantity RETURNING id"
)
CLAIM_ROW = text(
    "INSERT INTO claim (code, batch, posting_id, kind, enterprise_id, quantity, delivered, state, claimed_by, claimed_at, ready_by, deliver_by, end_reason) "
    "VALUES (:code, '', :posting, 'wish', 1, 1, 0, 'active', 1, :at, :day, :day, '')"
)
EVENT_ROW = text(
    "INSERT INTO event (at, actor_id, action, thing_type, thing_code, request, changes) VALUES (:at, 1, 'claim.claim', 'claim', :code, '', '{}')"
)


def claim_app(engine: Engine) -> Flask:
    """A bare Flask + SQLAlchemy application: POST /claim/<code> is one guarded UPDATE and two INSERTs in one transaction."""
    app = Flask("bare")

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    @app.post("/claim/<code>")
    def claim(code: str) -> Any:
        now = utcnow().replace(tzinfo=None)
        with engine.connect().execution_options(writing=True) as connection:
            found = connection.execute(CLAIM, {"code": code}).scalar_one_or_none()
            if found is None:
                connection.rollback()
                return Response("gone", 409)
            row = new_code("RL")
            connection.execute(CLAIM_ROW, {"code": row, "posting": found, "at": now, "day": now.date()})
            connection.execute(EVENT_ROW, {"at": now, "code": row})
            connection.commit()
        return Response(row + request.form.get("note", ""), 201)

    return app
