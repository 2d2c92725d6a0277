"""The docs that are made from the code are as the code is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_lifecycle_page_is_the_lifecycle_table():
    made = subprocess.run([sys.executable, "tools/lifecycle_page.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8") == made, "run: python tools/lifecycle_page.py > docs/lifecycle.md"
