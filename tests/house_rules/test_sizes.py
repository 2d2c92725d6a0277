"""Hard limits of size; the aim is far below them: a function of 6 lines, a module of 80."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE, FUNCTION, TEMPLATE = 300, 50, 120
MODULES = sorted((ROOT / "portal").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_short_says_what_it_is_and_has_short_functions(path: Path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= MODULE
    assert ast.get_docstring(tree) or not tree.body, "a module begins with a sentence that says what it is"
    long = {
        node.name: node.end_lineno - node.lineno + 1 for node in _functions(tree) if node.end_lineno and node.end_lineno - node.lineno >= FUNCTION
    }
    assert not long


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_is_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TEMPLATE


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_an_import_inside_a_function_says_why(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    silent = []
    for function in _functions(ast.parse("\n".join(lines))):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                before = lines[node.lineno - 2].strip()
                if "#" not in lines[node.lineno - 1] and not before.startswith("#"):
                    silent.append(f"line {node.lineno}: {lines[node.lineno - 1].strip()}")
    assert not silent


def test_no_drawer_for_odds_and_ends():
    drawers = {"utils", "util", "common", "helpers", "misc"}
    assert not [_name(path) for path in MODULES if path.stem in drawers or path.parent.name in drawers]
