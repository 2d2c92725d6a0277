"""What we ask of the tree of unions: how far somebody's roles reach."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from portal.accounts.models import UnionUnit
from portal.journal import Actor


def in_subtree(path_column: Any, path: str) -> ColumnElement[bool]:
    """Whether a unit lies in the subtree of ``path`` ("/1/4/"): a range of strings that an index can serve."""
    return and_(path_column >= path, path_column < path[:-1] + "0")  # "0" follows "/" in ASCII


def units_under(by: Actor) -> Select[tuple[int]]:
    """Ids of the units the actor's roles reach over; none for somebody without a unit."""
    if not by.unit_path:
        return select(UnionUnit.id).where(False)
    return select(UnionUnit.id).where(in_subtree(UnionUnit.path, by.unit_path))
