"""What the review pages accept."""

from __future__ import annotations

from wtforms import IntegerField, RadioField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import HiddenInput

from portal.fields import choices
from portal.web import PortalForm
from portal.wording import _, _l

PRESETS = ("reveals", "price", "not_allowed", "unclear")
"""The four reasons a reviewer picks from; a posting that is open already may also be taken back for a complaint."""


class ApproveForm(PortalForm):
    """Passing a posting as it was read in this ``version``; the text counts only when the button 替换并通过 was pressed."""

    version = IntegerField(validators=[Optional(), NumberRange(min=1, max=2**31 - 1)], widget=HiddenInput())
    public_text = TextAreaField(_l("公开文字"), [Length(max=300, message=_l("公开文字最多 300 个字"))])


class ReturnForm(PortalForm):
    """Returning a posting, with a reason that the reporting unit will read."""

    reason = RadioField(_l("为什么要退回"), [InputRequired(_l("请选一个原因"))])
    note = TextAreaField(
        _l("补充说明"), [Length(max=300, message=_l("补充说明最多 300 个字"))], description=_l("写清楚要改哪里。报送单位会看到，请不要写个人信息。")
    )

    def offer(self, opened: bool) -> None:
        """Offer the reasons; ``opened`` for a posting that is in the hall."""
        codes = (*PRESETS, *(("complaint",) if opened else ()), "other")
        self.reason.choices = choices("return_reason", *codes)

    def validate_note(self, field: TextAreaField) -> None:
        """A reason of one's own needs words."""
        if self.reason.data == "other" and not field.data:
            raise ValidationError(_("选了“其他”，请写明原因"))
