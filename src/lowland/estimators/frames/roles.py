"""Which columns of a data frame are data: decided as for the columns of a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.cells.labels import LabelColumn, label_text
from lowland.core.cells.observations import Labels
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.wrapping import wrap_frame
from lowland.files.columns.dates import as_iso
from lowland.files.columns.panels import chains
from lowland.files.columns.times import dates_in, order_of_rows
from lowland.files.evidence import LINES, Decision
from lowland.files.frames import frame_columns
from lowland.files.shapes.assembling import profiles_of
from lowland.files.shapes.layouts import Reading
from lowland.files.shapes.wide_roles import decide_wide
from lowland.files.table_format import TableFormat


def frame_roles(wrapped: Any, form: TableFormat) -> Decision:
    """Return which column of a frame names its rows, and which hold neither numbers nor levels.

    What a file would be refused for, because it may mean two things, is data here, as the frame has it.

    Parameters
    ----------
    wrapped : narwhals.DataFrame
        Its names are text.
    form : TableFormat
        What a person says about columns.
    """
    columns = frame_columns(wrapped.head(LINES).to_native())
    # an index that names the rows comes first, under a name of its own
    indexed = next(iter(columns), "") not in wrapped.columns
    everything = profiles_of(columns)
    profiles = {name: one for name, one in everything.items() if name in wrapped.columns}
    if indexed:
        form = replace(form, row_labels=False)
    if not profiles:
        return Decision("wide", ())
    how = Reading(words=True, form=form)
    try:
        roles = decide_wide(profiles, "", "the data frame", how)
    except InvalidInputError:
        if form.row_labels is not None:
            raise
        how = replace(how, form=replace(form, row_labels=False))
        roles = decide_wide(profiles, "", "the data frame", how)
    index = dates_in({name: one for name, one in everything.items() if name not in profiles}, form.dates)
    time = order_of_rows(everything, {**index, **roles.dates}, next(iter(index), ""))
    return replace(roles, dates={**index, **roles.dates}, time=time) if index else roles


def index_of(frame: Any) -> Labels | None:
    """Return the index of a frame as row labels, or None if it only counts the rows, has gaps or repeats."""
    import narwhals as nw

    wrapped = wrap_frame(frame)
    index = None if wrapped is None else nw.maybe_get_index(wrapped)
    return None if index is None else labels_of(index)


def labels_of(index: Any) -> Labels | None:
    """Return an index of pandas as labels, or None if it only counts, has gaps, repeats or several levels."""
    if index.nlevels > 1:
        return None
    names = index.to_numpy()
    if not index.is_unique or (names.dtype.kind in "iu" and np.array_equal(names, np.arange(names.size))):
        return None
    if names.dtype.kind in "iu":
        return np.asarray(names, np.int64)
    if any(name is None or name != name for name in index.tolist()):
        return None
    texts = [label_text(name) for name in index.tolist()]
    # labels that differ by less than their texts tell name no rows
    return np.array(texts) if len(set(texts)) == len(texts) else None


def dates_of_rows(frame: Any, time: tuple[str, str]) -> Labels | None:
    """Return the date of each row of a frame in ISO 8601; None if it has no such column, or a cell is none.

    Parameters
    ----------
    frame : data frame or anything else
    time : pair of str
        The column that says it (or the index), "" for none, and how dates are written there.
    """
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
    name, form = time
    if not name or not isinstance(wrapped, nw.DataFrame):
        return None
    # without columns, what is left is the index
    held = frame_columns(wrapped.select([one for one in wrapped.columns if one == name]).to_native())
    return as_iso(held[name], form) if name in held else None


def panel_of(frame: Any, roles: Decision) -> Any:
    """Return a graph of a panel's rows, next to each other in time within units; None of other frames."""
    wrapped = wrap_frame(frame)
    if not roles.panel or wrapped is None:
        return None
    return chains(frame_columns(wrapped.select(list(roles.panel)).to_native()), roles)


def rows_named_in(frame: Any, column: Any) -> Labels | None:
    """Return labels of a frame's rows: its index, or a column; None if a cell is missing or repeats.

    Parameters
    ----------
    frame : data frame or anything else
    column : str
        The column that names the rows, "" for none.
    """
    index, wrapped = index_of(frame), wrap_frame(frame)
    if index is not None or wrapped is None or column == "" or column not in wrapped.columns:
        return index
    held = frame_columns(wrapped.select(column).to_native())[str(column)]
    cells: Any = held.names[held.codes] if isinstance(held, LabelColumn) else held
    if cells.dtype.kind == "f" and not np.isnan(cells).any():
        cells = np.array([label_text(cell) for cell in cells.tolist()])
    distinct = cells.dtype.kind in "iuU" and np.unique(cells).size == cells.size
    return cells if distinct and not (cells.dtype.kind == "U" and (cells == "").any()) else None
