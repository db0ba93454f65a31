"""Turn typed columns into a table: decide how they are laid out, then read them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lowland.core.cells.labels import LabelColumn
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.columns.contexts import AUTO, NONE, with_context
from lowland.files.evidence import Decision, Profile, decide, named_roles, profile, repeat_by_chance
from lowland.files.frames import Columns
from lowland.files.numerals import Numerals
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.shapes.long_tables import long_table
from lowland.files.shapes.pairs import decide_pairs, refuse_pairs
from lowland.files.shapes.wide_roles import decide_wide
from lowland.files.shapes.wide_tables import wide_table
from lowland.files.text.column_numerals import Coded, distinct_cells, numerals_of_texts


def profiles_of(columns: Columns) -> dict[str, Profile]:
    """Return what the first lines of typed columns hold."""
    return {name: profile(column) for name, column in columns.items()}


def decide_layout(
    profiles: Mapping[str, Profile], where: str, how: Reading, *, whole: bool = True
) -> Decision:
    """Return how a table is laid out, and the roles of its columns.

    Raises
    ------
    InvalidInputError
        If that cannot be told, or a column does not exist.
    """
    if how.layout == "pairs" or (how.pairs and how.layout == "auto"):
        pairs = decide_pairs(profiles, how.names, where, asked=how.layout == "pairs")
        if pairs is not None:
            return pairs
    elif how.layout == "auto" and not any(how.names):
        refuse_pairs(profiles, where)
    made = decide(profiles, how.names, how.layout, where, whole=whole)
    if made.layout == "long":
        return with_context(made, profiles, how.context, how.form.dates, where)
    if how.context not in (AUTO, NONE):
        raise InvalidInputError(
            "only a long table says when each of its cells was observed",
            f"{where} is read as a wide one",
            fix=Words("leave it out (", Option("context"), "), or say ", Option("layout", "long")),
        )
    if not profiles:
        return made
    return decide_wide(profiles, made.roles[0] if made.roles else "", where, how)


def list_roles(columns: Columns) -> tuple[str, ...]:
    """Return the columns of row, column and value, if names or words say that these columns list cells."""
    profiles = profiles_of(columns)
    named = named_roles(profiles)
    names = tuple(profiles)
    if named or len(names) != 3:
        return named
    kinds = [profiles[name].kind for name in names]
    first, second, value = profiles.values()
    repeat = not first.is_distinct and not second.is_distinct and not repeat_by_chance(first, second)
    return names if kinds[:2] == ["text", "text"] and value.is_number and repeat else ()


def table_from_columns(
    columns: Columns,
    where: str,
    how: Reading,
    *,
    decision: Decision | None = None,
    numerals: Numerals | None = None,
    decided: Sequence[str] = (),
) -> Table:
    """Return typed columns as a table.

    Parameters
    ----------
    columns : dict of str to ndarray or LabelColumn
    where : str
        Name of the table in error messages.
    how : Reading
    decision : Decision, optional
        How they are laid out; by default decided from them.
    numerals : Numerals, optional
        How numbers are written in columns of text; by default found from them.
    decided : sequence of str
        What was found out about the table before.
    """
    decision = decision or decide_layout(profiles_of(columns), where, how)
    numerals = numerals or _numerals_of(columns, decision, how, where)
    make = long_table if decision.layout == "long" else wide_table
    made = make(columns, where, how, decision, numerals)
    settled = [*decided, *([numerals.words] if numerals.words else []), *numerals.notes, *made.decided]
    return replace(made, decided=tuple(settled), form=how.form, numerals=numerals)


def _numerals_of(columns: Columns, decision: Decision, how: Reading, where: str) -> Numerals:
    """Return how numbers are written in columns of text that hold neither labels nor levels."""
    labels = decision.labels if decision.layout == "long" else decision.roles
    texts: dict[str, Coded] = {}
    for name, column in columns.items():
        if name in (*labels, *how.labelled, *decision.as_is):
            continue
        if not isinstance(column, LabelColumn):
            if column.dtype.kind == "U":
                texts[name] = distinct_cells(column)
        elif column.names.dtype.kind == "U":
            texts[name] = column.names.tolist(), column.codes
    return numerals_of_texts(texts, how.form, where)[0]
