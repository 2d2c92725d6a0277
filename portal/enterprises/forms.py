"""What the pages of enterprises accept."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, IntegerField, PasswordField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError

from portal import codes
from portal.enterprises.operations import PURPOSES
from portal.fields import ChoiceField, CodeField, choices
from portal.web import PortalForm
from portal.wording import _l

LONG = _l("最多 %(max)d 个字")


class RegisterForm(PortalForm):
    """An enterprise registers itself."""

    credit_code = CodeField(
        _l("统一社会信用代码"), [DataRequired(_l("请填统一社会信用代码"))], read=codes.credit_code, description=_l("营业执照上的 18 位代码。")
    )
    name = StringField(_l("企业全称"), [DataRequired(_l("请填企业全称")), Length(max=80, message=LONG)], description=_l("和营业执照一致。"))
    short_name = StringField(
        _l("企业简称"), [DataRequired(_l("请填企业简称")), Length(max=40, message=LONG)], description=_l("显示在爱心榜和送货单上。")
    )
    town = ChoiceField(_l("所在镇街"))
    contact_name = StringField(_l("联系人姓名"), [DataRequired(_l("请填联系人姓名")), Length(max=40, message=LONG)])
    contact_phone = CodeField(
        _l("联系人电话"), [DataRequired(_l("请填联系人电话"))], read=codes.phone, description=_l("只有工会经办人员为了联系送货才会看到。")
    )
    public_name = BooleanField(_l("同意在爱心榜和公示里显示企业名称"), description=_l("不勾选就显示“爱心企业”。以后可以随时改。"))
    username = StringField(_l("用户名"), [DataRequired(_l("请填用户名")), Length(max=40, message=LONG)], description=_l("小写字母、数字、点或横线。"))
    password = PasswordField(_l("密码"), [InputRequired(_l("请填密码")), Length(max=128, message=_l("密码最多 128 个字"))])
    again = PasswordField(_l("再填一遍密码"), [InputRequired(_l("请再填一遍密码")), Length(max=128, message=_l("密码最多 128 个字"))])

    def __init__(self, towns: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.town.choices = [("", _l("请选择")), *((town, town) for town in towns)]

    def validate_again(self, field: PasswordField) -> None:
        """Both must be the same."""
        if field.data != self.password.data:
            raise ValidationError(_l("两遍填的不一样，请再填一遍"))


class ReasonForm(PortalForm):
    """Why an enterprise is refused or suspended; it will read this."""

    reason = TextAreaField(
        _l("原因"),
        [DataRequired(_l("请写原因，企业会看到")), Length(max=200, message=LONG)],
        description=_l("企业会看到这段话，请写清楚要补什么、找谁。"),
    )


class QuotaForm(PortalForm):
    """The enterprise's own limit of claims under way."""

    quota = IntegerField(
        _l("同时进行的认领上限"), [Optional(), NumberRange(1, 10_000, _l("请写 1 到 10000 的整数"))], description=_l("不填就用活动的统一上限。")
    )


class RevealForm(PortalForm):
    """What the contact's whole phone number is needed for."""

    purpose = RadioField(_l("用途"), [InputRequired(_l("请选用途"))], choices=choices("contact_purpose", *PURPOSES))


class ProfileForm(PortalForm):
    """What the contact keeps up to date."""

    contact_name = StringField(_l("联系人姓名"), [DataRequired(_l("请填联系人姓名")), Length(max=40, message=LONG)])
    contact_phone = CodeField(_l("联系人电话"), [DataRequired(_l("请填联系人电话"))], read=codes.phone)
    public_name = BooleanField(_l("同意在爱心榜和公示里显示企业名称"), description=_l("不勾选就显示“爱心企业”。"))
