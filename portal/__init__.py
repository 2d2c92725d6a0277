"""温暖多一度: create_app() is the table of contents of the house; nothing inside imports it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.engine import make_url
from werkzeug.middleware.proxy_fix import ProxyFix

import portal.clock  # noqa: F401 - its lease is a table like the others
from portal import defences, formats, settings, shell, site, vault, web, wording
from portal.accounts import admin, routes
from portal.database import db, engine_options, prepare_engine
from portal.enterprises import routes as enterprises
from portal.evidence import routes as events
from portal.households import routes as households
from portal.noticeboard import board, publishing
from portal.wishes import basket, campaigns, confirming, desk, follow, hall, my_claims, posting, reviewing, signing, station, todo

ROOT = Path(__file__).resolve().parent.parent
BLUEPRINTS = (
    site.bp,
    routes.bp,
    admin.bp,
    events.bp,
    households.bp,
    enterprises.bp,
    posting.bp,
    hall.bp,
    basket.bp,
    my_claims.bp,
    station.bp,
    signing.bp,
    confirming.bp,
    board.bp,
    publishing.bp,
    reviewing.bp,
    desk.bp,
    campaigns.bp,
    follow.bp,
)


def _secret(instance: Path) -> str:
    """The key that signs cookies, made once and kept beside the database."""
    file = instance / "secret_key"
    if not file.exists():
        vault.create_once(file, secrets.token_hex(32).encode())
    return file.read_text(encoding="ascii").strip()


def _keys(file: Path, url: str) -> vault.Vault:
    """The keys of the sealed fields, made at the first start only: new keys beside an old database would lock its data away for good."""
    database = make_url(url).database if url.startswith("sqlite") else None
    return vault.load(file) if database and Path(database).exists() else vault.load_or_create(file)


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The application with these settings on top of the environment's. Raises when a setting or an endpoint's permission is wrong."""
    chosen = settings.load(overrides)
    instance = Path(chosen.INSTANCE)
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database and the keys are nobody else's on this machine
    url = chosen.database_url()
    app = Flask("portal", root_path=str(ROOT / "portal"), template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(
        SECRET_KEY=chosen.SECRET_KEY or _secret(instance),
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url),
        SESSION_COOKIE_NAME="nuan",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=chosen.HTTPS,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        MAX_CONTENT_LENGTH=chosen.UPLOAD_MB * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
        TESTING=chosen.TESTING,
        PORTAL=chosen,
    )
    if chosen.PROXIES:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=chosen.PROXIES, x_proto=chosen.PROXIES, x_host=chosen.PROXIES)  # type: ignore[method-assign]
    vault.install(_keys(Path(chosen.KEYS_FILE) if chosen.KEYS_FILE else instance / "keys.json", url))
    defences.start_logging(chosen.LOG_LEVEL)
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    CSRFProtect(app)
    web.htmx.init_app(app)
    shell.init_app(app, chosen)
    defences.init_app(app)
    routes.init_app(app, LoginManager())
    app.jinja_env.filters.update(formats.FILTERS)
    app.jinja_env.globals.update(percent=formats.percent, label=wording.label, asset=shell.asset)
    app.jinja_env.add_extension("jinja2.ext.do")
    app.view_functions["static"].permission = "site.use"  # type: ignore[union-attr]
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.extensions["todo"].append(todo.counts)
    app.extensions["todo"].append(enterprises.counts)
    web.check_declared(app)
    return app
