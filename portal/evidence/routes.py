"""The event log, read by auditors: who did what, when, on what. Nothing here can be changed."""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy import select

from portal.accounts.models import Account
from portal.database import db
from portal.journal import Event
from portal.web import actor, page, permission
from portal.wishes.queries import units_under

bp = Blueprint("events", __name__)
PER_PAGE = 50


@bp.get("/events")
@permission("event.read")
def list_all() -> Response:
    """The events of the actor's subtree, newest first; filters for one record and one kind of act."""
    before, thing, action = request.args.get("before", type=int), request.args.get("thing", "").strip(), request.args.get("action", "").strip()
    query = select(Event, Account.name).outerjoin(Account, Account.id == Event.actor_id)
    query = query.where(Event.unit_id.is_(None) | Event.unit_id.in_(units_under(actor())))
    if thing:
        query = query.where(Event.thing_code == thing.upper())
    if action:
        query = query.where(Event.action == action)
    if before:
        query = query.where(Event.id < before)
    rows = db.session.execute(query.order_by(Event.id.desc()).limit(PER_PAGE + 1)).all()
    more = rows[PER_PAGE - 1].Event.id if len(rows) > PER_PAGE else None
    return page("evidence/list.html", rows=rows[:PER_PAGE], more=more, thing=thing, action=action)
