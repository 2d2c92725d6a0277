"""What the account pages accept."""

from __future__ import annotations

from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from portal.web import PortalForm
from portal.wording import _l


class SignInForm(PortalForm):
    """Sign in. ``resume`` carries a form whose session had ended, sealed, so that nothing typed is lost."""

    username = StringField(_l("用户名"), [DataRequired(_l("请填用户名")), Length(max=40)])
    password = PasswordField(_l("密码"), [InputRequired(_l("请填密码")), Length(max=128, message=_l("密码最多 128 个字"))])
    next = HiddenField()
    resume = HiddenField()


class PasswordForm(PortalForm):
    """Change one's own password."""

    old = PasswordField(_l("现在的密码"), [InputRequired(_l("请填现在的密码")), Length(max=128)])
    password = PasswordField(_l("新密码"), [InputRequired(_l("请填新密码")), Length(max=128, message=_l("密码最多 128 个字"))])
    again = PasswordField(_l("再填一遍新密码"), [InputRequired(_l("请再填一遍新密码")), Length(max=128)])

    def validate_again(self, field: PasswordField) -> None:
        """Both must be the same."""
        if field.data != self.password.data:
            raise ValidationError(_l("两遍填的不一样，请再填一遍"))
