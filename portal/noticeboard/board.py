"""The public board: what everybody may read without signing in. Issues are frozen; only the first page and the honour wall are live."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, make_response

from portal.database import utcnow
from portal.noticeboard import figures, queries, sheet, view
from portal.noticeboard.content import live_sentence
from portal.web import found, page, permission
from portal.wishes.queries import current_campaign
from portal.wording import _

bp = Blueprint("board", __name__)
Value = TypeVar("Value")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HONOURS_TIMES = 15
"""The honour wall is counted from the rows, the first page from kept figures: the wall may be so many times older."""


def kept(name: str, times: int, make: Callable[[], Value]) -> Value:
    """``make()``, at most once in the few seconds that live figures may be old; each process keeps its own."""
    store: dict[str, tuple[float, Any]] = current_app.extensions.setdefault("board", {})
    until, value = store.get(name, (0.0, None))
    now = time.monotonic()
    if until <= now:
        value = make()
        store[name] = (now + times * current_app.config["PORTAL"].FACET_SECONDS, value)
    return value  # type: ignore[no-any-return]


def _live() -> dict[str, Any] | None:
    campaign = current_campaign()
    return {"name": campaign.name, "totals": figures.live(campaign.id), "at": utcnow()} if campaign else None


def _issues() -> list[dict[str, Any]]:
    return [
        {
            "code": row.code, "year": row.year, "number": row.number, "title": row.title, "unit": row.unit.name,
            "published_at": row.published_at, "data_at": row.data_at,
        }
        for row in queries.public_list()
    ]  # fmt: skip


@bp.get("/board")
@permission("board.read")
def home() -> Response:
    """The campaign in one sentence, always current, and the published issues."""
    live = kept("live", 1, _live)
    pieces = live_sentence(live["totals"], _) if live else []
    return page("noticeboard/home.html", live=live, pieces=pieces, issues=kept("issues", 1, _issues), data_time=None)


@bp.get("/board/<code>")
@permission("board.read")
def issue(code: str) -> Response:
    """A published issue, frozen, with its errata."""
    return page("noticeboard/issue.html", issue=view.issue(found(queries.public_issue(code))))


@bp.get("/board/<code>/print")
@permission("board.read")
def paper(code: str) -> Response:
    """The issue on A4."""
    return page("noticeboard/print.html", issue=view.issue(found(queries.public_issue(code))))


@bp.get("/board/<code>.xlsx")
@permission("board.read")
def download(code: str) -> Response:
    """The issue as a workbook."""
    row = found(queries.public_issue(code))
    response = make_response(sheet.workbook(view.issue(row)))
    response.headers["Content-Type"] = XLSX
    response.headers["Content-Disposition"] = f'attachment; filename="{row.code}.xlsx"'
    return response


@bp.get("/honours")
@permission("board.read")
def honours() -> Response:
    """爱心榜 as it stands now: in order of first claim, by fulfilled units; those who did not agree are only counted."""
    now = kept("wall", HONOURS_TIMES, _wall)
    return page("noticeboard/honours.html", now=now, wall=now and view.wall(now))


def _wall() -> dict[str, Any] | None:
    campaign = current_campaign()
    if campaign is None:
        return None
    found_now = figures.honours(campaign)
    names = [{"name": one.name, "wishes": one.wishes, "packs": one.packs} for one in found_now if one.public]
    return {"campaign": campaign.name, "at": utcnow(), "names": names, "others": sum(not one.public for one in found_now)}
