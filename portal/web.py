"""What every route shares: @permission, the actor, page() and fragment(), PortalForm, see_other()."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_htmx import HTMX
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import FileField, HiddenField, StringField, TextAreaField

from portal import policy
from portal.journal import Actor
from portal.refusal import Refused
from portal.wording import sentence

htmx = HTMX()
View = TypeVar("View", bound=Callable[..., Any])
NOBODY = Actor(id=None, name="")


def permission(name: str) -> Callable[[View], View]:
    """Declare what a route needs. The application does not start while an endpoint declares nothing."""
    if name not in policy.PERMISSIONS:
        raise KeyError(f"{name} is not in portal/policy.py")

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not may(name):
                return refuse_entry()
            return view(*args, **kwargs)

        guarded.permission = name  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return declare


def may(name: str) -> bool:
    """Whether the signed-in person may use what needs this permission."""
    return policy.allowed(name, actor().roles, current_user.is_authenticated)


def refuse_entry() -> Any:
    """Strangers go to the sign-in page and come back with what they typed; people without the right get the 403 page."""
    if current_user.is_authenticated:
        abort(403)
    return current_app.extensions["sign_in_again"]()


def check_declared(app: Flask) -> None:
    """Refuse to start while an endpoint declares no permission."""
    missing = sorted({rule.endpoint for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], "permission")})
    if missing:
        raise RuntimeError(f"no @permission on: {', '.join(missing)}")


def actor() -> Actor:
    """Who makes this request, as read from the database at its start."""
    return current_user.actor if current_user.is_authenticated else NOBODY


def is_part() -> bool:
    """Whether htmx asks for a fragment. Back and boosted links also say HX-Request, but want the whole page."""
    return request.headers.get("HX-Request-Type") == "partial" and not htmx.history_restore_request


def page(template: str, status: int = 200, /, **context: Any) -> Response:
    """A full page."""
    return make_response(render_template(template, **context), status)


def fragment(part: str, whole: str, status: int = 200, /, **context: Any) -> Response:
    """``part`` for an htmx request that wants a fragment, the page ``whole`` for everybody else."""
    response = page(part if is_part() else whole, status, **context)
    response.headers["Vary"] = "HX-Request, HX-Request-Type, Cookie"
    return response


def see_other(endpoint: str, message: str | None = None, kind: str = "ok", /, **values: Any) -> Response:
    """303 to the page that shows the result, with a message; htmx follows it as a page load of its own."""
    if message:
        flash(message, kind)
    target = url_for(endpoint, **values)
    if is_part():
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target, 303)  # type: ignore[return-value]


def found(thing: Any) -> Any:
    """The row, or 404: what is not there and what is not theirs look the same."""
    if thing is None:
        abort(404)
    return thing


def whole_number(name: str, default: int = 1, most: int = 1_000_000) -> int:
    """The whole number of a query argument between 1 and ``most``, which every database can count to; else ``default``."""
    return min(max(request.args.get(name, default, type=int), 1), most)


def tell(refused: Refused, form: FlaskForm | None = None) -> str:
    """The sentence of a refusal; put on the form's field too, when the refusal names one that the form has."""
    text = sentence(refused.code, refused.params)
    if form is not None and refused.field and refused.field in form:
        field = form[refused.field]
        field.errors = [*field.errors, text]
    elif form is not None:
        form.form_errors.append(text)
    return text


def _trim(value: Any) -> Any:
    return value.strip().replace("\x00", "") if isinstance(value, str) else value


class PortalForm(FlaskForm):
    """A form of the portal: strips what is typed, carries the CSRF token and the key that makes a repeat harmless."""

    idem = HiddenField(default=lambda: secrets.token_urlsafe(18))

    class Meta(FlaskForm.Meta):
        """Strip the strings of every field, and drop NUL, which PostgreSQL refuses. Files reach only the fields made for them."""

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            if request.is_json:
                return formdata if isinstance(formdata, MultiDict) else None
            data = super().wrap_formdata(form, formdata)
            if data is None or not request.files:
                return data
            fitting = (
                (name, value) for name, value in data.items(multi=True) if isinstance(value, str) or isinstance(form._fields.get(name), FileField)
            )
            return MultiDict(fitting)

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            field = super().bind_field(form, unbound_field, options)
            if isinstance(field, StringField | TextAreaField):
                field.filters = (*field.filters, _trim)
            return field
