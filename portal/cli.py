"""The command line: `portal --help`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from portal import create_app, maintenance, serve
from portal.accounts import admin_operations
from portal.accounts.models import ROLES, Account, UnionUnit
from portal.database import db, utcnow
from portal.demo import loader, samples
from portal.journal import Actor, transaction
from portal.noticeboard import figures
from portal.refusal import Refused
from portal.settings import SettingError
from portal.vault import VaultError
from portal.wishes import importing, queries, shelf
from portal.wishes.models import Tally
from portal.wishes.operations.clock import sweep
from portal.wording import sentence


def _app(**overrides: Any) -> Flask:
    try:
        return create_app(overrides)
    except (SettingError, VaultError) as problem:
        raise click.ClickException(str(problem)) from None


def _migrate(app: Flask) -> None:
    with app.app_context():
        upgrade(directory=app.extensions["migrate"].directory)
        db.session.remove()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """温暖多一度 · One Degree Warmer: the portal's commands."""


@main.command("serve")
@click.option("--demo", is_flag=True, help="Load the demo campaign into an empty portal and show the ribbon.")
def serve_command(demo: bool) -> None:
    """Migrate the database and serve the portal until it is stopped."""
    app = _app(DEMO=True) if demo else _app()
    _migrate(app)
    if demo:
        _load_demo(app)
    chosen = app.config["PORTAL"]
    click.echo(f"\n  温暖多一度 · http://{chosen.HOST}:{chosen.PORT}/\n", err=True)
    serve.run(app)


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest schema; safe to repeat."""
    _migrate(_app())
    click.echo("ok")


@main.command("demo")
def demo_command() -> None:
    """Load the demo campaign into an empty portal."""
    app = _app()
    _migrate(app)
    _load_demo(app)


def _load_demo(app: Flask) -> None:
    with app.app_context():
        if not loader.is_empty():
            loaded = loader.load()
        else:
            with click.progressbar(length=1000, label="演示数据 · demo data", file=sys.stderr) as bar:
                loaded = loader.load(lambda done, total: bar.update(max(0, done * 1000 // max(total, 1) - bar.pos)))
        click.echo(f"\n  {loaded.postings} 个心愿和礼包 · postings", err=True)
        for file in samples.write(Path(app.config["PORTAL"].INSTANCE)):
            click.echo(f"  {file}", err=True)
        click.echo(f"  演示账号 · demo accounts（密码 · password: {loaded.password}）", err=True)
        for account in db.session.scalars(select(Account).where(Account.username.in_(loader.SHOWN)).order_by(Account.id)):
            place = account.unit.short_name if account.unit else ""
            click.echo(f"    {account.username:<6} {account.name}　{place}　{'、'.join(sorted(account.roles))}", err=True)
        db.session.remove()


@main.command("lapse")
def lapse_command() -> None:
    """Lapse overdue claims and expire old postings, as the running server does by itself."""
    with _app().app_context():
        done = sweep(progress=lambda count: click.echo(f"\r{count}", nl=False, err=True))
        click.echo(json.dumps(vars(done)))


@main.command("tally")
@click.option("--campaign", "code", help="Code of the campaign; the current one when it is left out.")
def tally_command(code: str | None) -> None:
    """The campaign's figures as JSON, counted from the rows, with their definitions."""
    with _app().app_context():
        campaign = queries.campaign_by_code(code) if code else queries.current_campaign()
        if campaign is None:
            raise click.ClickException("没有这个活动 · there is no such campaign")
        click.echo(json.dumps(figures.as_json(campaign), ensure_ascii=False, indent=2))


@main.command("recount")
def recount_command() -> None:
    """Count the kept figures anew from the rows and say whether they differed."""
    with _app().app_context():
        right = shelf.recount(db.session)
        same = right == shelf.kept(db.session)
        if not same:
            with transaction() as tx:
                tx.session.query(Tally).delete()
                for cell, counts in right.items():
                    tx.session.add(Tally(**dict(zip(shelf.CELL, cell, strict=True)), **counts))
                tx.event("tally.recount", _Whole(), by=Actor(None, "command"))
        click.echo("一致 · same" if same else "已重算 · mended")


class _Whole:
    """The thing of an event that concerns the whole portal."""

    __tablename__ = "portal"
    code = "portal"


@main.command("import")
@click.argument("kind", type=click.Choice(["wishes", "packs"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--by", "username", required=True, help="Who posts them: the username of a clerk.")
@click.option("--check", is_flag=True, help="Only look the rows over; write nothing.")
def import_command(kind: str, file: Path, username: str, check: bool) -> None:
    """Import wishes or packs from a .tsv or .xlsx file as drafts: every row is looked over first, then all are written or none."""
    with _app().app_context():
        by = _actor(username)
        try:
            rows = importing.read(file)
        except importing.UnreadableFile as problem:
            raise click.ClickException(str(problem)) from None
        with click.progressbar(length=len(rows), label=f"{len(rows)} 行 · rows", file=sys.stderr) as bar:
            report = importing.look_over(kind, rows, by=by, progress=bar.update)
        for line in report.lines():
            click.echo(line)
        if report.faults:
            raise click.ClickException(f"{len(report.faults)} 处要改，什么都没有写入 · to be mended, nothing was written")
        if check:
            click.echo(f"{len(rows)} 行都可以导入 · rows can be imported")
            return
        codes = importing.write(kind, report, by=by)
        click.echo(f"已导入 {len(codes)} 行，都是草稿 · rows imported as drafts")


def _actor(username: str) -> Actor:
    account = db.session.scalar(select(Account).where(Account.username == username, Account.active))
    if account is None or "clerk" not in account.roles or account.unit is None:
        raise click.ClickException(f"{username}: 没有这位基层经办人 · there is no such clerk")
    return Actor(account.id, account.name, account.roles, account.unit_id, account.unit.path)


# -- units and accounts -------------------------------------------------------------------------------------------------------------


@main.group("unit")
def unit_group() -> None:
    """Union units."""


@unit_group.command("add")
@click.argument("name")
@click.option("--short", "short_name", help="Short name; the name when it is left out.")
@click.option("--level", type=click.Choice(["city", "district", "street", "industry", "base"]), required=True)
@click.option("--parent", "parent_code", help="Code of the unit above.")
@click.option("--town", default="", help="Town or street that the unit's wishes show.")
def unit_add(name: str, short_name: str | None, level: str, parent_code: str | None, town: str) -> None:
    """Add a unit to the tree and print its code."""
    with _app().app_context():
        parent = db.session.scalar(select(UnionUnit).where(UnionUnit.code == parent_code)) if parent_code else None
        if parent_code and parent is None:
            raise click.ClickException(f"{parent_code}: 没有这个单位 · there is no such unit")
        facts = admin_operations.UnitFacts(name, short_name or name, level, town)
        click.echo(_tell(lambda: admin_operations.create_unit(facts, parent, by=Actor(None, "command"))).code)


@main.group("account")
def account_group() -> None:
    """Accounts of union staff."""


@account_group.command("add")
@click.argument("username")
@click.argument("name")
@click.option("--unit", "unit_code", required=True, help="Code of the union unit.")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice([role for role in ROLES if role != "contact"]))
def account_add(username: str, name: str, unit_code: str, roles: tuple[str, ...]) -> None:
    """Add an account and print its first password, which must be changed at the first sign-in."""
    with _app().app_context():
        unit = db.session.scalar(select(UnionUnit).where(UnionUnit.code == unit_code))
        if unit is None:
            raise click.ClickException(f"{unit_code}: 没有这个单位 · there is no such unit")
        facts = admin_operations.AccountFacts(name, frozenset(roles), unit)
        click.echo(_tell(lambda: admin_operations.create_account(username, facts, by=Actor(None, "command"))[1]))


@account_group.command("password")
@click.argument("username")
def account_password(username: str) -> None:
    """Give an account a new first password, print it, and end the account's sessions."""
    with _app().app_context():
        click.echo(_tell(lambda: admin_operations.reset_password(_account(username), by=Actor(None, "command"))))


@account_group.command("end")
@click.argument("username")
def account_end(username: str) -> None:
    """Deactivate an account and end its sessions."""
    with _app().app_context():
        _tell(lambda: admin_operations.deactivate(_account(username), by=Actor(None, "command")))
        click.echo("ok")


@account_group.command("list")
def account_list() -> None:
    """All accounts: username, name, unit, roles, whether active."""
    with _app().app_context():
        for account in db.session.scalars(select(Account).order_by(Account.username)):
            place = account.unit.short_name if account.unit else "-"
            click.echo("\t".join((account.username, account.name, place, ",".join(sorted(account.roles)), "active" if account.active else "ended")))


def _account(username: str) -> Account:
    account = db.session.scalar(select(Account).where(Account.username == username))
    if account is None:
        raise click.ClickException(f"{username}: 没有这个账号 · there is no such account")
    return account


def _tell(act: Any) -> Any:
    """Run an operation; its refusal becomes the sentence that the page would show, or that the backup's care gives."""
    try:
        return act()
    except Refused as refused:
        raise click.ClickException(sentence(refused.code, refused.params)) from None
    except maintenance.RestoreRefused as problem:
        raise click.ClickException(str(problem)) from None


# -- care of the installation -------------------------------------------------------------------------------------------------------


@main.command("doctor")
def doctor_command() -> None:
    """Look the installation over and say what is wrong with it; ends with 1 when something is."""
    app = _app()
    bad = 0
    with app.app_context():
        for check in maintenance.examine(app):
            bad += not check.good
            click.echo(f"{'ok  ' if check.good else 'BAD '} {check.what}" + ("" if check.good else f"  → {check.advice}"))
    sys.exit(1 if bad else 0)


@main.command("backup")
@click.argument("target", type=click.Path(path_type=Path), required=False)
def backup_command(target: Path | None) -> None:
    """Back up the database into one file while the server runs. The keys are not in it: keep keys.json elsewhere."""
    app = _app()
    place = target or Path(app.config["PORTAL"].INSTANCE) / f"backup-{datetime.now(tz=utcnow().tzinfo):%Y%m%d-%H%M%S}.tar.gz"
    with app.app_context():
        made = _tell(lambda: maintenance.backup(app, place, lambda step: click.echo(step, err=True)))
    click.echo(str(made))


@main.command("restore")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore_command(source: Path, yes: bool) -> None:
    """Put a backup in place of the database. Stop the server first."""
    app = _app()
    if not yes:
        click.confirm("现在的数据库会被换掉 · the database will be replaced. OK?", abort=True)
    with app.app_context():
        _tell(lambda: maintenance.restore(app, source, lambda step: click.echo(step, err=True)))
    _migrate(app)
    click.echo("ok")


if __name__ == "__main__":
    main()
