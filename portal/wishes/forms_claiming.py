"""What the pages of the basket and of claims accept."""

from __future__ import annotations

from wtforms import HiddenField, IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web import PortalForm
from portal.wording import _l

RELEASE_REASONS = {
    "no_goods": _l("买不到合适的物品"), "late": _l("赶不上日期"), "changed": _l("单位的安排有变"), "twice": _l("认领重复了"), "other": _l("其他"),
}  # fmt: skip


class AmountForm(PortalForm):
    """How many units; a wish is always one. ``d`` is a step of the − and ＋ buttons, pressed without JavaScript."""

    quantity = IntegerField(
        _l("份数"), [InputRequired(_l("请填份数")), NumberRange(min=1, max=100_000, message=_l("份数应是 1 以上的整数"))], default=1
    )
    d = IntegerField(validators=[Optional()])
    next = HiddenField()

    def amount(self) -> int:
        """The units asked for, at least 1; 1 when nothing sensible was typed."""
        wanted = (self.quantity.data or 1) + (self.d.data or 0)
        return min(max(wanted, 1), 100_000)


class ClaimForm(PortalForm):
    """The confirmation of one claim."""

    quantity = IntegerField(
        _l("份数"), [InputRequired(_l("请填份数")), NumberRange(min=1, max=100_000, message=_l("份数应是 1 以上的整数"))], default=1
    )


class BasketForm(PortalForm):
    """The confirmation of a basket; the lines themselves are the hidden fields ``line``, each "WX-7F3K9Q:1"."""


class ReleaseForm(PortalForm):
    """Giving a claim back, with a reason that staff will read."""

    reason = RadioField(_l("为什么要释放"), [InputRequired(_l("请选一个原因"))], choices=list(RELEASE_REASONS.items()))
    note = TextAreaField(
        _l("补充说明"), [Optional(), Length(max=120, message=_l("补充说明最多 120 个字"))], description=_l("工会经办人会看到。请不要写个人信息。")
    )

    def sentence(self) -> str:
        """The reason as it is kept with the claim."""
        words = str(RELEASE_REASONS[self.reason.data])
        return f"{words}：{self.note.data}" if self.note.data else words
