"""Small cells: a reader who does sums with everything that is printed learns of no group of 1 to 4. The attacker here is a solver of equations."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.noticeboard import small_cells
from portal.noticeboard.small_cells import Part, Printed, protect, small, small_differences

LABELS = ("home", "study", "food", "clothes", "health", "skill")
COUNT = st.one_of(st.integers(0, 4), st.integers(0, 9), st.integers(5, 60))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, tuple[int, ...]]:
    """Rows as counted: published ≥ claimed ≥ fulfilled."""
    found = {}
    for label in draw(st.lists(st.sampled_from(LABELS), unique=True, max_size=6)):
        published = draw(COUNT)
        claimed = min(published, draw(COUNT))
        found[label] = (published, claimed, min(claimed, draw(COUNT)))
    return found


@st.composite
def issues(draw: st.DrawFn) -> list[dict[str, tuple[int, ...]]]:
    """Two or three issues of one campaign, each a little later than the one before."""
    found = [draw(tables())]
    for _ in range(draw(st.integers(1, 2))):
        more = {label: draw(st.tuples(*[st.one_of(st.just(0), st.integers(0, 4), st.integers(5, 20))] * 3)) for label in LABELS}
        now = {label: tuple(map(sum, zip(found[-1].get(label, (0, 0, 0)), more[label], strict=True))) for label in LABELS}
        found.append({label: cells for label, cells in now.items() if any(cells)})
    return found


def equations(rows: dict[str, tuple[int, ...]], printed: Printed, column: int, prefix: str = "") -> list[tuple[dict[str, int], int]]:
    """What the printed table says of one column: sums of unknown cells that equal a number. Rows of nothing are known to be nothing."""
    known = [({prefix + label: 1 for label in part.labels}, part.cells[column]) for part in printed.parts]
    known.append(({prefix + label: 1 for label in rows}, printed.total[column] if rows else 0))
    return [(unknowns, value) for unknowns, value in known if value is not None]


def learned(system: list[tuple[dict[str, int], int]], wanted: dict[str, int]) -> Fraction | None:
    """The value of a combination of unknowns if the equations determine it: Gauss's elimination, else None."""
    names = sorted({name for unknowns, _ in system for name in unknowns} | set(wanted))
    rows = [[Fraction(unknowns.get(name, 0)) for name in names] + [Fraction(value)] for unknowns, value in system]
    target = [Fraction(wanted.get(name, 0)) for name in names] + [Fraction(0)]
    for column in range(len(names)):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        reduce = lambda row, pivot=pivot, column=column: [a - row[column] / pivot[column] * b for a, b in zip(row, pivot, strict=True)]  # noqa: E731
        rows, target = [reduce(row) for row in rows], reduce(target)
    return -target[-1] if not any(target[:-1]) else None


@settings(max_examples=300)
@given(rows=tables())
def test_nothing_small_is_printed_or_can_be_worked_out(rows):
    rows = {label: cells for label, cells in rows.items() if any(cells)}
    printed = protect(rows)
    for cells in (*(part.cells for part in printed.parts), printed.total):
        assert not any(cell is not None and small(cell) for cell in cells)
    for column in range(3):
        system = equations(rows, printed, column)
        for label, cells in rows.items():
            value = learned(system, {label: 1})
            assert value is None or not small(int(value)), (label, column, value, cells[column], printed)
            assert value is None or value == cells[column]


@settings(max_examples=300)
@given(rows=tables())
def test_printed_sums_are_true(rows):
    printed = protect(rows)
    labels = [label for part in printed.parts for label in part.labels]
    assert len(labels) == len(set(labels)) and set(labels) <= set(rows)
    for part in printed.parts:
        for column, cell in enumerate(part.cells):
            assert cell is None or cell == sum(rows[label][column] for label in part.labels)
    if printed.parts:
        assert set(labels) == {label for label, cells in rows.items() if any(cells)}


@settings(max_examples=200)
@given(series=issues())
def test_issues_that_are_subtracted_tell_nothing_small(series):
    printed: list[Printed] = []
    for rows in series:
        printed.append(protect(rows, printed))
    for number, now in enumerate(printed):
        for before in printed[:number]:
            assert small_differences(before, now) == []


@settings(max_examples=200)
@given(series=issues())
def test_the_solver_learns_no_small_change_of_one_row(series):
    """The same with the solver, and not knowing small_differences(): the change of any single row from issue to issue."""
    printed: list[Printed] = []
    for rows in series:
        printed.append(protect(rows, printed))
    for (old_rows, old), (new_rows, new) in pairwise(zip(series, printed, strict=True)):
        for column in range(3):
            if not old.parts or not new.parts or old.parts[0].cells[column] is None or new.parts[0].cells[column] is None:
                continue
            gone = [({f"old {label}": 1}, 0) for label in LABELS if label not in old_rows] + [
                ({f"new {label}": 1}, 0) for label in LABELS if label not in new_rows
            ]
            system = equations(old_rows, old, column, "old ") + equations(new_rows, new, column, "new ") + gone
            # The totals are published live in any case; what must not be learned is the change of a category or a town.
            if len(old.parts) == len(new.parts) == 1:
                continue
            for label in LABELS:
                value = learned(system, {f"new {label}": 1, f"old {label}": -1})
                assert value is None or not small(int(value)), (label, column, value, old, new)


def test_one_small_row_takes_a_second_one_with_it():
    printed = protect({"home": (40,), "study": (12,), "food": (3,)})
    assert [(part.labels, part.cells) for part in printed.parts] == [(("home",), (40,)), (("food", "study"), (15,))]
    assert printed.total == (55,)


def test_a_column_that_is_small_everywhere_is_printed_as_a_total_only():
    printed = protect({"home": (40, 3), "study": (12, 2), "food": (30, 1)})
    assert [part.cells for part in printed.parts] == [(40, None), (12, None), (30, None)]
    assert printed.total == (82, 6)


def test_a_small_total_is_not_printed():
    assert protect({"home": (40, 3), "study": (12, 0)}).total == (52, None)
    assert protect({"home": (3,)}) == Printed((), (None,))


def test_nothing_at_all():
    assert protect({}, width=3) == Printed((), (0, 0, 0))


def test_differences_are_formed_over_what_both_tables_add_up():
    before = Printed((Part(("home",), (10,)), Part(("food", "study"), (20,))), (30,))
    now = Printed((Part(("home", "study"), (22,)), Part(("food",), (9,))), (31,))
    assert small_differences(before, now) == [(("food", "home", "study"), 0, 1)]
    assert small_cells.mask(4) is None and small_cells.mask(5) == 5 and small_cells.mask(0) == 0
