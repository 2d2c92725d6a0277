"""What the pages that follow a promise accept."""

from __future__ import annotations

from wtforms import IntegerField, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.web import PortalForm
from portal.wording import _l

REVOKE_REASONS = {
    "late": _l("迟迟没有备货，也联系不上"), "asked": _l("企业请工会代为撤销"), "unfit": _l("物品不合适"), "interest": _l("认领单位和这户家庭有利害关系"),
    "other": _l("其他"),
}  # fmt: skip


class RevokeForm(PortalForm):
    """Taking a claim away, with a reason that the enterprise will read."""

    reason = RadioField(
        _l("为什么要撤销"), [InputRequired(_l("请选一个原因"))], choices=[SelectChoice(code, word) for code, word in REVOKE_REASONS.items()]
    )
    note = TextAreaField(
        _l("补充说明"), [Optional(), Length(max=120, message=_l("补充说明最多 120 个字"))], description=_l("认领单位会看到。请不要写个人信息。")
    )

    def sentence(self) -> str:
        """The reason as it is kept with the claim."""
        words = str(REVOKE_REASONS[self.reason.data])
        return f"{words}：{self.note.data}" if self.note.data else words


class CoverForm(PortalForm):
    """How many units the union covers itself; a wish is always one."""

    quantity = IntegerField(
        _l("份数"), [InputRequired(_l("请填份数")), NumberRange(min=1, max=100_000, message=_l("份数应是 1 以上的整数"))], default=1
    )
