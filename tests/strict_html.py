"""What the portal demands of every page it sends: one function that lists complaints, in words, with the element meant."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import html5lib
from html5lib.constants import E as PARSE_ERRORS
from lxml import etree

Element = Any  # lxml's elements have no useful type
BLANK_TYPES = {"hidden", "submit", "button", "reset", "image"}
XHTML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def parse(html: str, *, fragment: bool = False) -> tuple[Element, list[str]]:
    """The tree of a page (or of a fragment, inside <body>) as a browser builds it, and the parse errors."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("lxml"), namespaceHTMLElements=False)
    source = f"<!doctype html><title>fragment</title><body>{html}" if fragment else html
    tree = parser.parse(source)
    lines = source.splitlines() or [""]
    errors = []
    for (line, column), code, values in parser.errors:
        near = lines[min(line, len(lines)) - 1][max(0, column - 60) : column + 20].strip()
        errors.append(f"line {line}: {PARSE_ERRORS.get(code, code) % values}, near: {near}")
    return tree.getroot(), errors


def complaints(root: Element, *, fragment: bool = False) -> list[str]:
    """Everything in the tree that the house does not allow."""
    found = [*_ids(root), *_labels(root), *_names(root), *_forms(root), *_content_policy(root), *_leftovers(root)]
    if fragment:  # the form of a button may stand on the page that the fragment goes into
        return [complaint for complaint in found if not complaint.endswith("belongs to no form")]
    return [*_whole_page(root), *found]


def shown(element: Element) -> str:
    """The start tag of an element, for messages."""
    return "<" + " ".join([str(element.tag), *(f'{name}="{value}"' for name, value in element.attrib.items())]) + ">"


def text_of(element: Element) -> str:
    """All text in an element with white space collapsed; without scripts and styles."""
    parts = element.xpath(".//text()[not(ancestor::script) and not(ancestor::style) and not(ancestor::template)]")
    return " ".join("".join(parts).split())


def accessible_name(element: Element) -> str:
    """What a screen reader calls a link or a button: aria-labelledby, aria-label, text and alternatives of pictures, title."""
    root = element.getroottree().getroot()
    by = " ".join(text_of(found) for name in element.get("aria-labelledby", "").split() for found in root.xpath("//*[@id=$name]", name=name))
    visible = " ".join([text_of(element), *element.xpath(".//img/@alt"), *element.xpath(".//svg//title/text()")])
    return (by or element.get("aria-label") or visible.strip() or element.get("value") or element.get("title") or "").strip()


def _whole_page(root: Element) -> list[str]:
    found = []
    for path, what in (("//title[not(ancestor::svg)]", "<title>"), ("//main", "<main>"), ("//h1", "<h1>")):
        elements = root.xpath(path)
        if len(elements) != 1:
            found.append(f"{len(elements)} {what} in the page, 1 expected")
        elif what != "<main>" and not text_of(elements[0]):
            found.append(f"{what} is empty")
    if not root.get("lang"):
        found.append("<html> has no lang")
    if not root.xpath("//meta[@charset]"):
        found.append("no <meta charset>")
    return found


def _ids(root: Element) -> list[str]:
    ids = Counter(root.xpath("//@id"))
    found = [f"id {name!r} is there {count} times" for name, count in ids.items() if count > 1]
    found += [f"id {name!r} is empty or has a space" for name in ids if not name or re.search(r"\s", name)]
    for element in root.xpath("//label[@for]"):
        if element.get("for") not in ids:
            found.append(f"{shown(element)} is for nothing")
    for attribute in ("aria-labelledby", "aria-describedby", "aria-errormessage"):
        for element in root.xpath(f"//*[@{attribute}]"):
            found += [f"{shown(element)}: no id {name!r}" for name in element.get(attribute).split() if name not in ids]
    return found


def _labels(root: Element) -> list[str]:
    """Every field that a person fills in has a label that says something."""
    found = []
    labelled = {label.get("for") for label in root.xpath("//label[@for]") if text_of(label)}
    for field in root.xpath("//input | //select | //textarea"):
        if field.tag == "input" and field.get("type", "text").lower() in BLANK_TYPES:
            continue
        wrapped = any(text_of(label) for label in field.xpath("ancestor::label"))
        if not (wrapped or field.get("id") in labelled or field.get("aria-label") or field.get("aria-labelledby")):
            found.append(f"{shown(field)} has no label")
    for group in root.xpath("//fieldset"):
        if not (group.xpath("./legend") or group.get("aria-label") or group.get("aria-labelledby")):
            found.append(f"{shown(group)} has no legend")
    return found


def _names(root: Element) -> list[str]:
    found = [
        f"{shown(element)} has no name" for element in root.xpath("//a[@href] | //button | //input[@type='submit']") if not accessible_name(element)
    ]
    found += [f"{shown(element)} has no alt" for element in root.xpath("//img[not(@alt)]")]
    found += [f"{shown(element)} has no name" for element in root.xpath("//iframe[not(@title)] | //svg[@role='img']") if not accessible_name(element)]
    found += [
        f"{shown(element)} is inside another control" for element in root.xpath("//a//a | //a//button | //button//a | //label//label | //a//input")
    ]
    return found


def _forms(root: Element) -> list[str]:
    found = []
    for form in root.xpath("//form"):
        method = form.get("method", "get").lower()
        if method not in ("get", "post"):
            found.append(f"{shown(form)}: a browser knows get and post")
        has_file = form.xpath(".//input[@type='file']")
        if has_file and form.get("enctype") != "multipart/form-data":
            found.append(f"{shown(form)} has a file field but not enctype multipart/form-data")
        tokens = form.xpath(".//input[@name='csrf_token']/@value")
        if method == "post" and (len(tokens) != 1 or not tokens[0]):
            found.append(f"{shown(form)} has {len(tokens)} CSRF tokens")
        if method == "get" and tokens:
            found.append(f"{shown(form)} would put the CSRF token into the address")
        if not any(submits(button) for button in buttons_of(root, form)):
            found.append(f"{shown(form)} cannot be sent without JavaScript: no submit button")
    found += [
        f"{shown(button)} belongs to no form"
        for button in root.xpath("//button[@form]")
        if not root.xpath("//form[@id=$name]", name=button.get("form"))
    ]
    found += [f"{shown(button)} submits nothing" for button in root.xpath("//button[not(ancestor::form) and not(@form)]") if submits(button)]
    return found


def buttons_of(root: Element, form: Element) -> list[Element]:
    """The buttons of a form, inside and outside it."""
    inside = form.xpath(".//button[not(@form)] | .//input[@type='submit' or @type='image'][not(@form)]")
    return inside + (root.xpath("//*[@form=$name][self::button or self::input]", name=form.get("id")) if form.get("id") else [])


def submits(button: Element) -> bool:
    """Whether pressing the button sends its form."""
    return bool(button.get("type", "submit").lower() in ("submit", "image"))


def _content_policy(root: Element) -> list[str]:
    """Nothing that the content security policy would stop, and nothing from elsewhere."""
    found = [f"{shown(element)} has an inline style" for element in root.xpath("//*[@style]")]
    found += [f"inline {shown(element)}" for element in root.xpath("//style | //script[not(@src) and not(@type='application/json')]")]
    for element in root.iter(etree.Element):
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or name.startswith("hx-on") or value.strip().lower().startswith("javascript:"):
                found.append(f"{shown(element)} has inline script")
            if name in ("src", "action", "formaction", "data", "poster") and re.match(r"(https?:)?//", value):
                found.append(f"{shown(element)} loads from elsewhere")
    found += [f"{shown(element)} loads from elsewhere" for element in root.xpath("//link[@href]") if re.match(r"(https?:)?//", element.get("href"))]
    return found


def _leftovers(root: Element) -> list[str]:
    """Marks of a template or a sentence that was not filled in."""
    text = text_of(root)
    return [f"not filled in: {match}" for match in re.findall(r"%\([a-z_]+\)[sd]|\{\{[^}]*\}\}|\{%[^%]*%\}|<[A-Za-z]+ object at |Undefined", text)]
