"""Panels: tables with a line per unit and time, whose rows are in order within each unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowland.core.cells.labels import LabelColumn
from lowland.files.columns.dates import UNCLEAR, as_iso
from lowland.files.columns.times import NO_ORDER
from lowland.files.evidence import Decision, Profile
from lowland.files.frames import Columns

# lines that tell an order, and those that a graph has, at least and at most; lines per unit, on average
FEWEST, MOST, LINES_PER_UNIT = 8, 50_000, 3
YEARS = (1000, 2999)


def panel_in(profiles: Mapping[str, Profile], dates: Mapping[str, str]) -> tuple[str, ...]:
    """Return the first two columns if they name a unit, which repeats, and its years or dates, which do not.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column, in their order.
    dates : mapping of str to str
        Columns of dates, with how these are written.
    """
    if len(profiles) < len(("unit", "time", "value")):
        return ()
    (unit, first), (time, second) = list(profiles.items())[:2]
    timed = _are_years(second) or dates.get(time, UNCLEAR) != UNCLEAR
    lines = first.codes.size
    if not (first.may_name and unit not in dates and timed) or first.gaps or second.gaps or lines < FEWEST:
        return ()
    apart = np.unique(first.codes * (second.distinct + 1) + second.codes).size == lines
    several = 1 < first.distinct <= lines / LINES_PER_UNIT and 1 < second.distinct < lines
    return (unit, time) if apart and several else ()


def chains(columns: Columns, decision: Decision) -> Any:
    """Return a graph in which each line of a panel is next to its unit's next in time; None if it is none.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    decision : Decision

    Returns
    -------
    sparse array, shape (lines, lines), or None
    """
    from scipy.sparse import coo_array

    if not decision.panel:
        return None
    units, times = (columns[name] for name in decision.panel)
    codes = units.codes if isinstance(units, LabelColumn) else np.unique(units, return_inverse=True)[1]
    form = decision.dates.get(decision.panel[1], "")
    labels = times.names[times.codes] if isinstance(times, LabelColumn) else times
    told = as_iso(times, form) if form else labels
    if told is None or codes.size > MOST:
        return None
    places = np.unique(told, return_inverse=True)[1]  # dates in ISO 8601 are in order as text
    order = np.lexsort((places, codes))
    same = codes[order][1:] == codes[order][:-1]
    if not same.any() or (np.diff(places[order])[same] == 0).any():
        return None
    edges = order[:-1][same], order[1:][same]
    return coo_array((np.ones(int(same.sum())), edges), shape=(codes.size, codes.size))


def words_of_panel(decision: Decision, graph: Any) -> list[str]:
    """Return what is said of the order of rows within units, with the option that says otherwise."""
    if graph is None:
        return []
    unit, time = decision.panel
    return [f"rows are in the order of {time!r} within {unit!r}{NO_ORDER}"]


def _are_years(column: Profile) -> bool:
    """Return whether a column holds whole numbers that can be years."""
    if column.kind != "whole" or column.numbers is None or column.gaps:
        return False
    return bool(column.numbers.min() >= YEARS[0] and column.numbers.max() <= YEARS[1])
