"""A page as a person without JavaScript meets it: text, links, buttons, and forms that can be filled in and sent."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests import strict_html

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.reader import Reader

TYPED = {"text", "search", "password", "email", "tel", "url", "number", "date", "datetime-local", "month", "time", "hidden"}


@dataclass(frozen=True)
class Link:
    """A link: what it is called and where it leads."""

    text: str
    href: str


@dataclass(frozen=True)
class Button:
    """A button that sends a form; ``action`` and ``method`` are those that pressing it would use."""

    text: str
    form: Form
    element: Any

    @property
    def action(self) -> str:
        return self.element.get("formaction") or self.form.action

    @property
    def method(self) -> str:
        return (self.element.get("formmethod") or self.form.method).lower()

    @property
    def data(self) -> list[tuple[str, str]]:
        """What the pressed button itself sends."""
        return [(self.element.get("name"), self.element.get("value", ""))] if self.element.get("name") else []


class Form:
    """A form with the values it shows."""

    def __init__(self, page: Page, element: Any) -> None:
        self.page, self.element = page, element
        self.method = element.get("method", "get").lower()
        self.action = element.get("action") or page.path
        self.multipart = element.get("enctype") == "multipart/form-data"

    @cached_property
    def fields(self) -> dict[str, list[Any]]:
        """Elements of the usable fields by name, in the order of the page."""
        found: dict[str, list[Any]] = {}
        outside = self.page.root.xpath("//*[@form=$id]", id=self.element.get("id")) if self.element.get("id") else []
        for element in [*self.element.iter("input", "select", "textarea"), *outside]:
            kind = element.get("type", "text").lower()
            foreign = element.get("form") and element not in outside
            usable = element.tag != "button" and kind not in ("submit", "button", "reset", "image") and element.get("disabled") is None
            if usable and element.get("name") and not foreign and not element.xpath("ancestor::fieldset[@disabled]"):
                found.setdefault(element.get("name"), []).append(element)
        return found

    @property
    def values(self) -> list[tuple[str, str]]:
        """What sending the form as it stands would send, without files."""
        return [(name, value) for name, elements in self.fields.items() for element in elements for value in _current(element)]

    @cached_property
    def buttons(self) -> list[Button]:
        """The buttons that send this form, also those that stand outside it."""
        found = [element for element in strict_html.buttons_of(self.page.root, self.element) if strict_html.submits(element)]
        return [Button(strict_html.accessible_name(element), self, element) for element in found]

    def filled(self, changes: dict[str, Any]) -> list[tuple[str, Any]]:
        """The values with changes: str, bool (one checkbox), list (several values), bytes with a file name (``(b"…", "a.jpg")``).

        AssertionError for a field that the form does not have, or a choice that it does not offer.
        """
        unknown = set(changes) - set(self.fields)
        assert not unknown, f"the form has no {sorted(unknown)}; it has {sorted(self.fields)}"
        data = [(name, value) for name, value in self.values if name not in changes]
        for name, value in changes.items():
            data += [(name, item) for item in _chosen(name, self.fields[name], value)]
        return data


def _current(element: Any) -> list[str]:
    if element.tag == "textarea":
        return [(element.text or "").removeprefix("\n")]
    if element.tag == "select":
        options = element.xpath(".//option")
        picked = [option for option in options if option.get("selected") is not None]
        if element.get("multiple") is None:
            picked = picked[-1:] or options[:1]
        return [_option(option) for option in picked]
    kind = element.get("type", "text").lower()
    if kind in ("checkbox", "radio"):
        return [element.get("value", "on")] if element.get("checked") is not None else []
    return [] if kind == "file" else [element.get("value", "")]


def _option(option: Any) -> str:
    return str(option.get("value", strict_html.text_of(option)))


def _chosen(name: str, elements: list[Any], value: Any) -> list[Any]:
    kind = elements[0].get("type", "text").lower() if elements[0].tag == "input" else elements[0].tag
    if kind == "file":
        files = value if isinstance(value, list) else [value]
        return [(io.BytesIO(content), filename) for content, filename in files]
    if kind == "checkbox" and isinstance(value, bool):
        assert len(elements) == 1, f"{name} has {len(elements)} boxes: give the values to tick as a list"
        return [elements[0].get("value", "on")] if value else []
    wanted = [str(item) for item in (value if isinstance(value, list | tuple | set) else [value])]
    if kind in ("checkbox", "radio", "select"):
        offered = (
            [_option(option) for option in elements[0].xpath(".//option[not(@disabled)]")]
            if kind == "select"
            else [e.get("value", "on") for e in elements]
        )
        missing = sorted(set(wanted) - set(offered))
        assert not missing, f"{name} does not offer {missing}; it offers {offered}"
    elif kind not in TYPED and kind != "textarea":
        raise AssertionError(f"{name} is of a kind that cannot be filled in: {kind}")
    return wanted


class Page:
    """One answer of the portal, checked by strict_html when it is HTML."""

    def __init__(self, reader: Reader, response: TestResponse, *, fragment: bool = False) -> None:
        self.reader, self.response = reader, response
        self.status = response.status_code
        query = response.request.query_string
        self.path = response.request.path + (f"?{query.decode()}" if query else "")
        self.html = response.get_data(as_text=True) if (response.mimetype or "").startswith("text/") else ""
        self.is_html = response.mimetype == "text/html" and bool(self.html.strip())
        self.root: Any = None
        if self.is_html:
            self.root, errors = strict_html.parse(self.html, fragment=fragment)
            wrong = errors + strict_html.complaints(self.root, fragment=fragment)
            assert not wrong, f"{response.request.method} {self.path} ({self.status}):\n  " + "\n  ".join(wrong[:20])

    def __repr__(self) -> str:
        return f"<Page {self.status} {self.path}>"

    @property
    def title(self) -> str:
        return strict_html.text_of(self.root.xpath("//title")[0])

    @property
    def heading(self) -> str:
        """The text of the one h1."""
        return strict_html.text_of(self.root.xpath("//h1")[0])

    @property
    def text(self) -> str:
        """All text of the body, white space collapsed."""
        return strict_html.text_of(self.root.xpath("//body")[0])

    @property
    def main(self) -> str:
        """The text of <main>, without the shell around it."""
        return strict_html.text_of(self.root.xpath("//main")[0])

    def find(self, selector: str) -> list[Any]:
        """Elements by CSS selector (lxml elements)."""
        return list(self.root.cssselect(selector))

    def texts(self, selector: str) -> list[str]:
        """Texts of the elements that a CSS selector finds."""
        return [strict_html.text_of(element) for element in self.find(selector)]

    @cached_property
    def links(self) -> list[Link]:
        return [Link(strict_html.accessible_name(element), element.get("href")) for element in self.root.xpath("//a[@href]")]

    @cached_property
    def forms(self) -> list[Form]:
        return [Form(self, element) for element in self.root.xpath("//form")]

    @cached_property
    def buttons(self) -> list[Button]:
        """Every button that sends a form."""
        return [button for form in self.forms for button in form.buttons]

    def follow(self, text: str, status: int = 200) -> Page:
        """Go where the link of this text leads; several links of one text must lead to one place."""
        places = {link.href for link in self.links if link.text == text}
        assert len(places) == 1, f"{len(places)} places called {text!r}; there are {sorted({link.text for link in self.links})}"
        return self.reader.get(places.pop(), status=status)

    def button(self, text: str) -> Button:
        """The one button of this text."""
        found = [button for button in self.buttons if button.text == text]
        assert len(found) == 1, f"{len(found)} buttons called {text!r}; there are {[button.text for button in self.buttons]}"
        return found[0]

    def submit(self, which: int | str | Button | Form = 0, status: int = 200, /, **fields: Any) -> Page:
        """Fill in and send a form: by its number, by the text of its button, or by the Button or Form itself.

        Fields not named keep what the page shows. ``status`` is what the last answer must have, after redirects.
        """
        if isinstance(which, str):
            which = self.button(which)
        form = which.form if isinstance(which, Button) else which if isinstance(which, Form) else self.forms[which]
        button = which if isinstance(which, Button) else form.buttons[0]
        return self.reader.send(
            button.method, button.action, form.filled(fields) + button.data, multipart=form.multipart, status=status, source=self.path
        )
