"""The desk (工作台): what is to be done today, by what the person may do; then the campaign's ring and dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, current_app, url_for

from portal.database import utcnow
from portal.formats import day
from portal.journal import Actor
from portal.web import actor, may, page, permission
from portal.wishes import desk_queries as queries
from portal.wishes import hall_figures
from portal.wishes.queries import current_campaign, local_day
from portal.wording import _, _l

bp = Blueprint("desk", __name__)


@dataclass(frozen=True)
class Task:
    """One line of the list: shown to those who hold ``permission``. ``ask`` counts; without it ``todo`` names a count of the menu."""

    endpoint: str
    label: Any
    icon: str
    permission: str
    ask: Callable[[Actor, date], queries.Amount] | None = None
    todo: str = ""
    args: dict[str, Any] = field(default_factory=dict)
    hot: bool = True


TASKS = (
    Task("review.queue", _l("待我审核"), "check", "posting.review", queries.to_review),
    Task("confirm.queue", _l("待我确认的签收"), "check", "delivery.confirm", queries.to_confirm),
    Task("postings.list_all", _l("退回给我补正的"), "undo", "posting.write", queries.returned, args={"state": "returned"}),
    Task("station.queue", _l("待交接验收"), "truck", "station.take", queries.to_take),
    Task("deliveries.queue", _l("待签收"), "pen", "delivery.sign", queries.to_sign),
    Task("postings.list_all", _l("礼包还没选够家庭"), "gift", "posting.write", queries.to_name, args={"kind": "pack"}),
    Task("households.list_all", _l("紧急帮扶待补手续"), "person", "household.write", queries.emergencies, args={"state": "emergency"}),
    Task("postings.list_all", _l("没写完的草稿"), "shield", "posting.write", queries.drafts, args={"state": "draft"}, hot=False),
    Task("follow.list_all", _l("快到期和已逾期的认领"), "clock", "claim.revoke", queries.due_claims, args={"due": "soon"}),
    Task("enterprises.list_all", _l("待审核的爱心企业"), "building", "enterprise.vet", queries.enterprises),
    Task("publications.list_all", _l("待发布的公示"), "info", "publication.publish", todo="publications"),
    Task("admin.accounts", _l("还没换初始密码的账号"), "person", "account.manage", queries.first_passwords, hot=False),
)
WATCHED = (
    ("delivery.reverse", _l("冲正的签收")), ("claim.revoke", _l("撤销的认领")), ("posting.return", _l("退回补正的心愿")),
    ("household.reveal", _l("查看个人信息")), ("claim.cover", _l("工会兜底")),
)  # fmt: skip
FIRST_STEPS: tuple[tuple[str, dict[str, Any], Any, str], ...] = (
    ("accounts.password", {}, _l("换一个自己的密码"), "account.own"),
    ("households.list_all", {}, _l("看看本单位的困难职工档案"), "household.write"),
    ("postings.list_all", {}, _l("从档案里发第一个心愿"), "posting.write"),
    ("review.queue", {}, _l("审核报上来的心愿"), "posting.review"),
    ("follow.list_all", {"due": "soon"}, _l("看看哪些认领快到期"), "claim.revoke"),
    ("admin.units", {}, _l("核对单位和上下级"), "unit.manage"),
    ("admin.accounts", {}, _l("给同事开账号、定角色"), "account.manage"),
    ("events.list_all", {}, _l("看谁在什么时候办了什么"), "event.read"),
    ("board.home", {}, _l("看看公众看到的公示栏"), "publication.read"),
    ("site.about", {"name": "help"}, _l("读一页使用帮助"), "site.use"),
)  # fmt: skip


@bp.get("/desk")
@permission("desk.read")
def home() -> Response:
    """What waits for this person, what is due, and where the campaign stands."""
    by, now = actor(), utcnow()
    today = local_day(now)
    figures = hall_figures.read()
    return page(
        "wishes/desk.html", tasks=_tasks(by, today), watched=_watched(by, now), due=queries.first_due(by, today) if may("claim.follow") else [],
        first=_first_steps() if queries.first_visit(by) else [], campaign=current_campaign(), today=today,
        wishes=figures.progress("wish"), packs=figures.progress("pack"),
    )  # fmt: skip


def _there(endpoint: str, wanted: str) -> bool:
    return endpoint in current_app.view_functions and may(wanted)


def _tasks(by: Actor, today: date) -> list[dict[str, Any]]:
    lines = []
    for task in TASKS:
        if _there(task.endpoint, task.permission):
            amount = task.ask(by, today) if task.ask else queries.Amount(0)
            lines.append(
                {
                    "href": url_for(task.endpoint, **task.args), "label": str(task.label), "icon": task.icon, "hot": task.hot,
                    "count": amount.many, "note": _note(amount, today), "todo": task.todo,
                }
            )  # fmt: skip
    return lines


def _note(amount: queries.Amount, today: date) -> str:
    """How long the oldest has waited, or when the first is due."""
    if not amount.many or amount.since is None:
        return ""
    if isinstance(amount.since, datetime):
        return _("最早一个已等 %(n)s 天", n=(today - local_day(amount.since)).days)
    if amount.since < today:
        return _("最早的已过 %(n)s 天", n=(today - amount.since).days)
    return _("最早的在 %(day)s前", day=day(amount.since))


def _watched(by: Actor, now: datetime) -> list[dict[str, Any]]:
    """For those who read the events: what happened in the last 30 days that deserves a look."""
    if not _there("events.list_all", "event.read"):
        return []
    found = queries.acts(by, tuple(action for action, _label in WATCHED), now)
    lines = [
        {"href": url_for("events.list_all", action=action), "label": str(name), "icon": "list", "count": found[action]} for action, name in WATCHED
    ]
    if may("delivery.read") and _there("follow.list_all", "claim.follow"):
        amount = queries.not_clean(by, local_day(now))
        lines.append(
            {
                "href": url_for("follow.list_all", state="handed_over"),
                "label": _("代收、纸质或号码不符，还没确认"),
                "icon": "pen",
                "count": amount.many,
            }
        )
    return lines


def _first_steps() -> list[tuple[str, str]]:
    """Four lines for somebody who is here for the first time."""
    lines = [(url_for(endpoint, **args), str(name)) for endpoint, args, name, wanted in FIRST_STEPS if _there(endpoint, wanted)]
    return [*lines[:3], lines[-1]]
