"""What comes from outside: named with its version, locked with hashes, with its licence beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDORED = sorted(path for folder in ("static/vendor", "tests/vendor") for path in (ROOT / folder).iterdir())
LOCKS = ("requirements.txt", "requirements-dev.txt")


@pytest.mark.parametrize("path", VENDORED, ids=lambda path: path.name)
def test_a_vendored_file_is_named_with_its_version_and_has_a_licence(path: Path):
    named = re.match(r"([a-z][a-z0-9_-]*?-\d+\.\d+\.\d+)\.", path.name)
    assert named
    assert (path.parent / f"{named[1]}.LICENSE.txt").is_file()


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed_and_names_no_index(name: str):
    text = (ROOT / name).read_text()
    assert not re.search(r"https?:|file:|--(?:extra-)?index-url|--find-links|--trusted-host|^/|\s/", text, re.MULTILINE)
    blocks = re.findall(r"^(\S.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    unhashed = [block.splitlines()[0] for block in blocks if not block.startswith("#") and not ("==" in block and "--hash=sha256:" in block)]
    assert not unhashed


def test_running_and_testing_use_the_same_versions():
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / name).read_text(), re.MULTILINE))

    assert versions("requirements.txt") <= versions("requirements-dev.txt")


def test_nothing_is_fetched_from_elsewhere_by_stylesheets_and_scripts():
    own = [path for path in (ROOT / "static").rglob("*") if path.suffix in (".css", ".js") and path.parent.name != "vendor"]
    assert own
    found = {
        path.name: re.findall(r"(?:url\(|import\s*\(?|fetch\()\s*[\"']?(?:https?:)?//[^\"')\s]+", path.read_text(encoding="utf-8")) for path in own
    }
    assert not {name: places for name, places in found.items() if places}
