"""The stage of the browser stories: the demo campaign behind a real server, and people with real browsers.

``shots/`` keeps a picture of every page of a story; PORTAL_PICTURES=1 also renews those of the README in docs/pictures.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright
from waitress.server import create_server

from tests.cast import Cast
from tests.reader import PASSWORD

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = Path(__file__).with_name("shots")
AXE = (ROOT / "tests/vendor/axe-core-4.14.1.min.js").read_text(encoding="utf-8")
RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--font-render-hinting=none"
).split()
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PICTURES = {
    ("hall", "desktop"): ("hall-1280", "html"), ("sign-ready", "phone"): ("sign-390", "[for=id_tail]"),
    ("issue", "desktop"): ("board-1280", "html"), ("review", "desktop"): ("review-1280", "html"),
}  # fmt: skip
"""Pages of the README: the file, and what stands at the top of the window."""
HEAVY = 250_000
looked_over: set[tuple[str, str]] = set()
"""What axe has seen in this run: (page, mode); large type with high contrast only once for a page."""


def chromium() -> str:
    """The browser's place: PORTAL_TEST_CHROMIUM or the system's."""
    names = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    found = os.environ.get("PORTAL_TEST_CHROMIUM") or next((place for name in names if (place := shutil.which(name))), None)
    assert found, "no Chromium: install the package chromium, or name one with PORTAL_TEST_CHROMIUM"
    return found


@pytest.fixture(scope="session", params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """The stories look at pages; what the engines do differently is tested below the pages."""
    return str(request.param)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The portal on a port of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server(app, host="127.0.0.1", port=port, threads=6)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.task_dispatcher.shutdown()
    server.close()
    thread.join(5)


@dataclass
class Person:
    """Somebody in front of a browser of their own, who notices what is wrong with a page."""

    name: str
    address: str
    context: BrowserContext
    page: Page
    mode: str
    faults: list[str] = field(default_factory=list)

    def go(self, path: str) -> Person:
        """Open a page of the portal by its address."""
        self.page.goto(self.address + path)
        return self

    def click(self, text: str, *, exact: bool = True, nth: int = 0) -> Person:
        """Press the visible link or button with this text (inside the page, not its menu, if it is there) and wait for what it does."""
        inside = self.page.locator("main, .actbar")
        for place in (inside, self.page):
            for role in ("button", "link"):
                found = place.get_by_role(role, name=text, exact=exact).filter(visible=True)  # type: ignore[arg-type]
                if found.count() > nth:
                    found.nth(nth).click()
                    self.page.wait_for_load_state()
                    return self
        raise AssertionError(f"{self.name} finds no {text!r} on {self.page.url}:\n{self.page.locator('main').inner_text()[:1500]}")

    def fill(self, **fields: str) -> Person:
        """Fill fields by their names: text, choice, or for a radio group the value."""
        for name, value in fields.items():
            control = self.page.locator(f"main [name='{name}']")
            kind = control.first.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
            if kind == "select":
                control.select_option(value)
            elif kind in ("radio", "checkbox"):
                self.page.locator(f"main [name='{name}'][value='{value}']").check(force=True)
            else:
                control.fill(value)
        return self

    def tick(self, name: str) -> Person:
        """Tick a checkbox by its name."""
        self.page.locator(f"main [name='{name}']").check(force=True)
        return self

    def sees(self, *texts: str) -> Person:
        """Fail unless every text stands on the page."""
        body = self.page.locator("body").inner_text()
        for text in texts:
            assert text in body, f"{self.name} does not see {text!r} on {self.page.url}:\n{body[:2500]}"
        return self

    def sign_in(self) -> Person:
        """Sign in by the form."""
        self.go("/login")
        self.page.fill("[name=username]", self.name)
        self.page.fill("[name=password]", PASSWORD)
        return self.click("登录")

    def look(self, name: str) -> Person:
        """Keep a picture of the page and look it over: no sideways scroll, no fault that axe finds."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{self.mode}.png", full_page=True)
        if os.environ.get("PORTAL_PICTURES") and (name, self.mode) in PICTURES:
            picture(self.page, *PICTURES[name, self.mode])
        width = self.page.viewport_size["width"]  # type: ignore[index]
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.faults.append(f"{name} {self.mode}: scrolls sideways, {wide} px in {width}")
        if self.mode != "plain" and (name, self.mode) not in looked_over:
            self._look_over(name)
        return self

    def _look_over(self, name: str) -> None:
        dresses = [("normal", "normal")]
        if not any(name == seen for seen, _ in looked_over):
            dresses.append(("large", "high"))
        looked_over.add((name, self.mode))
        for size, contrast in dresses:
            self._dress(size, contrast)
            self.faults += [f"{name} {self.mode} {size} {contrast}: {found}" for found in self._axe()]
        self._dress("normal", "normal")

    def _dress(self, size: str, contrast: str) -> None:
        self.page.evaluate("([s, c]) => Object.assign(document.documentElement.dataset, {size: s, contrast: c})", [size, contrast])

    def _axe(self) -> list[str]:
        # A sticky bar hides part of what lies under it on a small screen; axe would call that a small target.
        view = self.page.viewport_size
        height = int(self.page.evaluate("document.documentElement.scrollHeight")) + 400
        self.page.set_viewport_size({"width": view["width"], "height": height})  # type: ignore[index]
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE)
        report = "r => r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).slice(0, 2).join(' | '))"
        found = self.page.evaluate(f"axe.run(document, {{runOnly: {RULES}}}).then({report})")
        self.page.set_viewport_size(view)  # type: ignore[arg-type]
        return list(found)


@contextmanager
def crowd(browser: Browser, address: str) -> Iterator[Callable[..., Person]]:
    """``person(name, mode)``: somebody with a browser: desktop, phone, or plain (desktop without JavaScript). Fails at the end for every fault."""
    opened: list[Person] = []

    def person(name: str, mode: str = "desktop") -> Person:
        width, height = SIZES["phone" if mode == "phone" else "desktop"]
        context = browser.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=mode != "plain", bypass_csp=mode != "plain",
            has_touch=mode == "phone", is_mobile=mode == "phone", locale="zh-CN", reduced_motion="reduce",
        )  # fmt: skip
        page = context.new_page()
        page.set_default_timeout(8_000)
        someone = Person(name, address, context, page, mode)
        page.on("pageerror", lambda error: someone.faults.append(f"script: {error}"))
        page.on("response", lambda response: _watch(someone, response))
        opened.append(someone)
        return someone.sign_in() if name != "public" else someone

    yield person
    faults = [fault for someone in opened for fault in someone.faults]
    for someone in opened:
        someone.context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def people(browser: Browser, demo_app: Flask) -> Iterator[Callable[..., Person]]:
    """People in front of the demo campaign; see crowd()."""
    with served(demo_app) as address, crowd(browser, address) as person:
        yield person


@pytest.fixture
def town(browser: Browser, cast: Cast, app: Flask) -> Iterator[Callable[..., Person]]:
    """People in front of what a test itself has made with ``cast``."""
    with served(app) as address, crowd(browser, address) as person:
        yield person


def _watch(someone: Person, response: Response) -> None:
    if response.status >= 500:
        someone.faults.append(f"{response.status} {response.url}")
    if not response.url.startswith((someone.address, "data:", "blob:")):
        someone.faults.append(f"from elsewhere: {response.url}")


def draw(page: Page) -> None:
    """Write a name on the signature pad, as a finger would."""
    box: Any = page.locator("[data-sign] canvas").bounding_box()
    page.locator("[data-sign] canvas").scroll_into_view_if_needed()
    box = page.locator("[data-sign] canvas").bounding_box()
    for stroke in (((0.2, 0.2), (0.35, 0.6), (0.2, 0.8)), ((0.45, 0.2), (0.45, 0.8)), ((0.6, 0.3), (0.85, 0.3), (0.7, 0.8))):
        points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=5)
        page.mouse.up()


def picture(page: Page, name: str, top: str) -> None:
    """What the window shows, for the README; with fewer colours when it would be heavy."""
    page.evaluate("top => scrollTo(0, document.querySelector(top).getBoundingClientRect().top + scrollY - 20)", top)
    page.mouse.move(0, 0)
    shot = page.screenshot()
    if len(shot) > HEAVY:
        out = BytesIO()
        Image.open(BytesIO(shot)).convert("RGB").quantize(256).save(out, "PNG", optimize=True)
        shot = out.getvalue()
    file = ROOT / "docs" / "pictures" / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(shot)
