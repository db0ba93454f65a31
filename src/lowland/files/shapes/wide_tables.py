"""Wide tables: one row per line, perhaps with its label first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.cells.labels import LabelColumn, label_column, label_text
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import InCode, Option, Remedy, Words, counted
from lowland.files.beside_numbers import is_censored
from lowland.files.columns.finding_totals import called_lines, check_names, find_totals, words_of_totals
from lowland.files.columns.panels import chains, words_of_panel
from lowland.files.columns.roles import EMPTY, as_is_words, hold_levels, may_be_data, refuse_no_data
from lowland.files.columns.sentinels import settle_sentinels
from lowland.files.columns.summary_names import nameless
from lowland.files.columns.table_totals import Totals
from lowland.files.columns.times import row_times, words_of_times
from lowland.files.evidence import Decision
from lowland.files.frames import Columns
from lowland.files.numerals import MISSING, Numerals
from lowland.files.shapes.cells import (
    check_some,
    first_text,
    mostly_numbers,
    number_column,
    text_column,
    typed_column,
    ways_out,
)
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.table_format import AS_LIST

# words of truth values, by their number
TRUTHS = ("FALSE", "TRUE")


def wide_table(columns: Columns, where: str, how: Reading, decision: Decision, numerals: Numerals) -> Table:
    """Return a wide table, with one row per line."""
    first = decision.roles[0] if decision.roles else ""
    labels, blank = _wide_labels(columns, first, where)
    as_is = dict(decision.as_is)
    inner = {name: column for name, column in columns.items() if name != first and name not in as_is}
    if not as_is and (not inner or not next(iter(inner.values())).size):
        raise InvalidInputError(
            f"{where} is empty", f"{counted(len(inner), 'column')} of data", fix="pass a table with data"
        )
    made, levels, left = _data_columns(inner, where, how, numerals, decision.codes)
    as_is |= left
    numeric = list(made)
    if not numeric and all(what == EMPTY for what in as_is.values()):
        check_some(np.zeros(0), where)
    if not numeric:
        raise InvalidInputError(
            f"no column of {where} holds numbers or levels",
            ", ".join(f"{name!r}: {what}" for name, what in list(as_is.items())[:6]),
            fix=Remedy(
                "write levels as numbers in their order, such as 1, 2, 3", *_made_data(as_is), AS_LIST
            ),
        )
    if how.form.header is None and levels and all(name in levels.get(name, ()) for name in numeric):
        raise InvalidInputError(
            f"the first line of {where} may name the columns or be data",
            f"each of its words, such as {numeric[0]!r}, is also a cell of its column",
            fix=Words("say which: ", Option("header", True), " or ", Option("header", False)),
        )
    plain, note = settle_sentinels(
        {name: column for name, column in made.items() if name not in levels}, how.form.sentinels, where
    )
    made |= plain
    totals, of_totals = None, list[str]()
    if labels is None or np.unique(labels).size == labels.size:  # no lines become one row
        totals, of_totals = _totals(made, levels, columns, decision, how, where)
    _check_labelled(columns, first, where, blank, totals)
    numeric = numeric if totals is None else [totals.names[k] for k in totals.fitted.tolist()]
    table = np.stack([made[name] for name in numeric], axis=1)
    check_some(table[~np.isnan(table)], where)
    lines, sides = len(table), _sides(len(table), numeric, numerals)
    if labels is not None:
        sides = _merge_sides(sides, np.isnan(table), labels, how.duplicates, first, where)
        table, labels = _merge_rows(table, labels, how.duplicates, first, where)
    table = table if totals is None else totals.without().astype(table.dtype)
    times = row_times(columns, decision) if len(table) == lines else None
    observations = Observations.from_array(
        table, row_labels=labels, column_labels=np.array(numeric, dtype=str), censored=sides
    )
    words = [f"{decision.why} (--{'no-' if first else ''}row-labels)"] if decision.why else []
    panel = chains(columns, decision) if len(table) == lines else None
    words += words_of_panel(decision, panel) + words_of_times(columns, decision, found=times is not None)
    words += of_totals + ([as_is_words(as_is)] if as_is else [])
    if how.words and levels:
        words.append(f"columns of words are levels: {', '.join(map(repr, levels))}")
        words += _kept_marks(levels, made, how)
    return Table(
        observations,
        "wide",
        (first,),
        levels,
        (*words, *([note] if note else [])),
        as_is=as_is,
        merged=len(table) < lines,
        times=times,
        panel=panel,
        totals=totals,
        time=(decision.time, decision.dates.get(decision.time, "")) if times is not None else ("", ""),
    )


def _made_data(as_is: Mapping[str, str]) -> list[Words]:
    """Return how columns that are left out become data, if some can."""
    numbers = [name for name, what in as_is.items() if may_be_data(what)]
    return [Words("say that they are data by ", Option("as_data", numbers))] if numbers else []


def _totals(
    made: Mapping[str, NDArray[Any]],
    levels: Collection[str],
    columns: Columns,
    decision: Decision,
    how: Reading,
    where: str,
) -> tuple[Totals | None, list[str]]:
    """Return which rows and columns are sums or statistics of others, and what is said of them."""
    texts = {name: columns[name] for name in (*decision.roles, *decision.totals) if name in columns}
    called = called_lines(texts, how.form, columns)
    check_names(how.form, {**columns, **decision.as_is}, called, where)
    totals = find_totals(made, called, how.form, levels=levels)
    return totals, words_of_totals(called, how.form, totals)


def _sides(lines: int, names: Sequence[str], numerals: Numerals) -> NDArray[np.int8] | None:
    """Return on which side of what is written the numbers of censored cells lie; None if there are none."""
    if not any(name in numerals.sides for name in names):
        return None
    nothing = np.zeros(lines, np.int8)
    return np.stack([numerals.sides.get(name, nothing) for name in names], axis=1)


def _kept_marks(
    levels: Mapping[str, Sequence[str]], columns: Mapping[str, NDArray[Any]], how: Reading
) -> list[str]:
    """Return which words of levels mean missing among numbers, or bounds, with their counts and options."""
    said = []
    for name, words in levels.items():
        marks = {k: word for k, word in enumerate(words) if word in MISSING and word not in how.form.words}
        if marks:
            held = ", ".join(
                f"{word!r} ({counted(int((columns[name] == k).sum()), 'cell')})" for k, word in marks.items()
            )
            ways = " ".join(f"--na={word}" for word in marks.values())
            said.append(f"column {name!r} holds {held} as words ({ways}: missing cells)")
        bounds = [word for word in words if is_censored(word)]
        if bounds:
            said.append(f"column {name!r} holds {bounds[0]!r} as a word (--censored: a bound of a number)")
    return said


def _data_columns(
    columns: Columns, where: str, how: Reading, numerals: Numerals, codes: Collection[str] = ()
) -> tuple[dict[str, NDArray[Any]], dict[str, tuple[str, ...]], dict[str, str]]:
    """Return columns as numbers, the words of those that hold levels, and what is in those that hold neither.

    Raises
    ------
    InvalidInputError
        If some hold numbers and text; the message names all of them.
    """
    made: dict[str, NDArray[Any]] = {}
    levels: dict[str, tuple[str, ...]] = {}
    left: dict[str, str] = {}
    mixed = []
    for name, column in columns.items():
        own = numerals.of(name)
        are_words = name in codes or (how.words and name in how.labelled)
        typed = text_column(column) if are_words else typed_column(column, own)
        if typed.dtype.kind != "U":
            numbers = number_column(typed, name, where, how, own, wide=True)
            if np.isnan(numbers).all():
                left[name] = EMPTY
            else:
                made[name] = numbers
                if how.words and name in how.truths:
                    levels[name] = TRUTHS
            continue
        if not are_words and name not in how.two_level and mostly_numbers(typed, own):
            mixed.append((name, typed))
            continue
        words = _words(typed, name, where, how)
        if not words:
            left[name] = _what_words(typed, how)
            continue
        levels[name] = words
        places = {word: float(k) for k, word in enumerate(words)}
        made[name] = np.array([places.get(word.strip(), np.nan) for word in typed.tolist()], how.dtype)
    if mixed:
        _refuse_text(mixed, where, numerals)
    refuse_no_data(left, how.form, where)
    return made, levels, left


def _refuse_text(columns: Sequence[tuple[str, NDArray[Any]]], where: str, numerals: Numerals) -> None:
    """Raise, naming all columns of numbers and text, and one cell of the first."""
    name, column = columns[0]
    cells = column.tolist()
    bad = first_text(cells, name, where, numerals.of(name), wide=True)
    names = ", ".join(repr(one) for one, _ in columns)
    differ = any(numerals.of(one).beside.differ for one, _ in columns)
    again = all(name in {cell.strip() for cell in held.tolist()} for name, held in columns)
    raise InvalidInputError(
        f"{where} has text where numbers are needed",
        f"{cells[bad]!r} in column {name!r}, data line {bad + 1}"
        + (f"; columns {names}" if len(columns) > 1 else ""),
        fix=Remedy(
            *(["remove the lines that repeat the header"] if again else []),
            *(["write amounts of one currency, and per cents or fractions alone"] if differ else []),
            *ways_out([cell for _, one in columns for cell in one.tolist()], numerals.of(name)),
            Words("leave such columns as they are (", Option("as_is", [one for one, _ in columns]), ")"),
        ),
    )


def _words(column: NDArray[Any], name: str, where: str, how: Reading) -> tuple[str, ...]:
    """Return the words of a column of text that holds levels, in alphabetical order; else none."""
    if name in how.two_level:
        return _two_words(column, name, where, how)
    cells = _known_words(column, how)
    words = tuple(sorted(set(cells)))
    are_few = how.words and hold_levels(cells, declared=name in how.labelled)
    return words if are_few else ()


def _what_words(column: NDArray[Any], how: Reading) -> str:
    """Return what a column of text that holds no levels holds."""
    cells = _known_words(column, how)
    if not cells:
        return EMPTY
    return f"{counted(len(set(cells)), 'word')} without an order" if hold_levels(cells) else "text"


def _known_words(column: NDArray[Any], how: Reading) -> list[str]:
    """Return the cells of a column of words: usual marks of missing cells are words like others."""
    gaps = {"", *(mark.strip() for mark in how.form.missing)}
    return [word for cell in column.tolist() if (word := cell.strip()) not in gaps]


def _two_words(column: NDArray[Any], name: str, where: str, how: Reading) -> tuple[str, ...]:
    words = tuple(sorted(set(_known_words(column, how))))
    if len(words) > 2:
        marks = [word for word in words if word in MISSING]
        named = [Words("if they mean missing, ", Option("missing", marks))]
        raise InvalidInputError(
            f"{where} has more than two words in column {name!r}, whose order is not known",
            ", ".join(map(repr, words[:4])),
            fix=Remedy(
                "write ordered levels as numbers",
                InCode("fit a data frame with an ordered category"),
                *(named if 0 < len(marks) >= len(words) - 2 else []),
            ),
        )
    return words


def _wide_labels(columns: Columns, first: str, where: str) -> tuple[NDArray[Any] | None, Indices]:
    """Return the row labels of a wide table, one per line, and the lines without one, such as totals."""
    column, blank = columns.get(first), np.zeros(0, np.intp)
    if column is None or not column.size:
        return None, blank
    try:
        labels = label_column(column, first, where)
    except InvalidInputError:
        texts = column.names[column.codes] if isinstance(column, LabelColumn) else column
        cells = ["" if x != x else label_text(x) for x in texts.tolist()]
        blank = np.flatnonzero([cell == "" for cell in cells])
        return np.array([cell or nameless(k) for k, cell in enumerate(cells)]), blank
    return np.asarray(labels.names[labels.codes]), blank


def _check_labelled(columns: Columns, first: str, where: str, blank: Indices, totals: Totals | None) -> None:
    """Raise if lines without a label are no totals."""
    if not np.isin(blank, [] if totals is None else np.flatnonzero(totals.is_row)).all():
        label_column(columns[first], first, where, Remedy("fill it in", _as_it_is(first)))


def _as_it_is(name: str) -> Words:
    """Return how a column of labels takes no part."""
    return Words("leave the column as it is (", Option("as_is", [name]), ")")


def _merge_sides(
    sides: NDArray[Any] | None,
    missing: NDArray[np.bool_],
    labels: NDArray[Any],
    duplicates: str,
    first: str,
    where: str,
) -> NDArray[Any] | None:
    """Return on which sides numbers of merged rows lie: a mean with one below its bound lies below, too."""
    if sides is None:
        return None
    below, above = (
        _merge_rows(np.where(missing, np.nan, part), labels, duplicates, first, where)[0]
        for part in (np.minimum(sides, 0), np.maximum(sides, 0))
    )
    return np.asarray(np.nan_to_num(np.sign(below) + np.sign(above)))


def _merge_rows(
    table: NDArray[Any], labels: NDArray[Any], duplicates: str, first: str, where: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a wide table with one row per label: the mean of its known cells, or the last of them.

    Raises
    ------
    InvalidInputError
        If a label repeats, and that is an error.
    """
    distinct, starts, codes = np.unique(labels, return_index=True, return_inverse=True)
    if distinct.size == labels.size:
        return table, labels
    if duplicates not in ("mean", "last"):
        code = int(np.argmax(np.bincount(codes) > 1))
        lines = (np.flatnonzero(codes == code)[:2] + 1).tolist()
        raise InvalidInputError(
            f"{where} names a row twice",
            f"{distinct[code].item()!r} in column {first!r}, data lines {lines[0]} and {lines[1]} "
            f"({counted(labels.size - distinct.size, 'repeat')} in all)",
            fix=Remedy(
                "drop one",
                Words("pass ", Option("duplicates", "mean", "last")),
                _as_it_is(first),
                AS_LIST,
            ),
        )
    order = np.argsort(starts)  # rows stay in the order in which their labels come first
    merged = np.full((distinct.size, table.shape[1]), np.nan, table.dtype)
    if duplicates == "last":
        for line, code in zip(table, codes, strict=True):
            known = ~np.isnan(line)
            merged[code, known] = line[known]
    else:
        known = ~np.isnan(table)
        sums, counts = np.zeros_like(merged, dtype=float), np.zeros(merged.shape)
        np.add.at(sums, codes, np.where(known, table, 0.0))
        np.add.at(counts, codes, known)
        merged = np.divide(sums, counts, out=np.full(merged.shape, np.nan), where=counts > 0).astype(
            table.dtype
        )
    return merged[order], distinct[order]
