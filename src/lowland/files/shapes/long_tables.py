"""Long tables: one observed cell per line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.arrays import Indices, cell_codes
from lowland.core.cells.context import CellContext
from lowland.core.cells.labels import LabelColumn, label_column
from lowland.core.cells.observations import Observations
from lowland.core.wording import counted
from lowland.files.columns.contexts import context_cells, words_of_context
from lowland.files.columns.finding_totals import find_listed
from lowland.files.columns.sentinels import settle_sentinels
from lowland.files.evidence import Decision
from lowland.files.foreign.columnar import give_back_memory
from lowland.files.frames import Columns
from lowland.files.numerals import Numerals
from lowland.files.shapes.cells import check_some, number_column
from lowland.files.shapes.layouts import Reading, Table


def long_table(columns: Columns, where: str, how: Reading, decision: Decision, numerals: Numerals) -> Table:
    """Return a long table, with one cell per line."""
    chosen = decision.roles
    # each column is let go once it has been read: a long one takes much of the memory
    row, column = (label_column(columns.pop(name), name, where) for name in chosen[:2])
    if len(chosen) == 2:
        return _listed_pairs(row, column, decision, how)
    values = number_column(columns.pop(chosen[2]), chosen[2], where, how, numerals.of(chosen[2]))
    cells = (
        None
        if not decision.time
        else context_cells(columns.pop(decision.time), decision.dates[decision.time])
    )
    columns.clear()
    give_back_memory()
    settled, note = settle_sentinels({chosen[2]: values}, how.form.sentinels, where)
    values = settled[chosen[2]].astype(how.dtype, copy=False)
    (rows, row_names), (cols, column_names) = (row.codes, row.names), (column.codes, column.names)
    del row, column
    context, asked = None, how.context == decision.time
    if cells is not None:
        shape = row_names.size, column_names.size
        context = replace(CellContext.of(rows, cols, cells, shape, decision.time), asked=asked)
        del cells
    keep, sides = ~np.isnan(values), numerals.sides.get(chosen[2])
    if not keep.all():  # a listed cell without a value is missing
        rows, cols, values = rows[keep], cols[keep], values[keep]
        sides = None if sides is None else sides[keep]
    check_some(values, where)
    order = _row_by_row(rows, cols, column_names.size)
    if order is not None:
        rows, cols, values = rows[order], cols[order], values[order]
        sides = None if sides is None else sides[order]
    observations = Observations.from_triples(
        rows,
        cols,
        values,
        row_labels=row_names,
        column_labels=column_names,
        duplicates=how.duplicates,
        censored=sides,
    )
    observations = replace(observations, context=context)
    totals, of_totals = find_listed(observations, how.form, where)
    if totals is not None:
        names = observations.column_labels
        observations = Observations.from_array(
            totals.without().astype(observations.values.dtype),
            row_labels=observations.row_labels,
            column_labels=None if names is None else np.asarray(names)[totals.fitted],
        )
    words = [*_words(decision, note), *of_totals]
    if decision.time:
        used = observations.context is not None
        words.append(
            words_of_context(decision, asked=asked)
            if used
            else f"dates in {decision.time!r} are not used: not all cells are such dates"
        )
    return Table(observations, "long", chosen, decided=tuple(words), totals=totals)


def _listed_pairs(row: LabelColumn, column: LabelColumn, decision: Decision, how: Reading) -> Table:
    """Return a list of pairs as cells that all hold 1, a pair that is listed more than once too."""
    codes = cell_codes(row.codes, column.codes, column.names.size)
    rows, columns = np.divmod(np.unique(codes), column.names.size)
    observations = Observations.from_triples(
        rows,
        columns,
        np.ones(rows.size, how.dtype),
        row_labels=row.names,
        column_labels=column.names,
    )
    again = row.codes.size - rows.size
    note = f"{counted(again, 'line repeats', 'lines repeat')} a pair, which counts once" if again else ""
    return Table(observations, "long", decision.roles, decided=_words(decision, note))


def _words(decision: Decision, note: str) -> tuple[str, ...]:
    """Return what was decided: the roles of columns, columns that are not used, and what the values hold."""
    roles = zip(("row", "column", "value"), decision.roles, strict=False)
    words = [", ".join(f"{role} {name!r}" for role, name in roles)]
    if decision.why:
        words[0] += f", {decision.why} (--layout, --row, --column, --value)"
    if decision.unused:
        words.append(f"not used: {', '.join(map(repr, decision.unused))}")
    return (*words, *([note] if note else []))


def _row_by_row(rows: Indices, columns: Indices, width: int) -> Indices | None:
    """Return what sorts cells by row and column, None if they are: fits must not depend on lines' order."""
    code = cell_codes(rows, columns, width)
    return None if (code[1:] >= code[:-1]).all() else _stable_order(code)


def _stable_order(code: Indices) -> Indices:
    """Return a stable sorting order of codes, in their memory if codes and positions fit into one integer."""
    places = int(code.size - 1).bit_length()
    if int(code.max()).bit_length() + places >= 63:
        return np.argsort(code, kind="stable")
    code <<= places
    code |= np.arange(code.size)
    code.sort()  # faster than argsort
    code &= (1 << places) - 1
    return code
