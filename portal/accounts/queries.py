"""What we ask of the tree of unions: how far somebody's roles reach, and where they stand at the door."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, select

from portal.accounts.models import UnionUnit
from portal.database import db
from portal.journal import Actor

GRASSROOTS = ("street", "industry", "base")


def in_subtree(path_column: Any, path: str) -> ColumnElement[bool]:
    """Whether a unit lies in the subtree of ``path`` ("/1/4/"): a range of strings that an index can serve."""
    return and_(path_column >= path, path_column < path[:-1] + "0")  # "0" follows "/" in ASCII


def units_under(by: Actor) -> Select[int]:
    """Ids of the units the actor's roles reach over; none for somebody without a unit."""
    if not by.unit_path:
        return select(UnionUnit.id).where(false())
    return select(UnionUnit.id).where(in_subtree(UnionUnit.path, by.unit_path))


def own_unit(by: Actor, unit_id: int) -> bool:
    """Whether the unit is the actor's own, or one below it while the actor works at the grassroots (a street has the files of its communities).

    City and district are units above: they see names masked and write in nobody's files.
    """
    if by.unit_id is None or by.unit_id == unit_id:
        return by.unit_id == unit_id
    mine, there = db.session.get(UnionUnit, by.unit_id), db.session.get(UnionUnit, unit_id)
    return mine is not None and there is not None and mine.level in GRASSROOTS and there.path.startswith(mine.path)
