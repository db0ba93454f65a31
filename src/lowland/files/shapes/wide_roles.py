"""Decide which columns of a wide table are data, which names its rows, and which take no part in a fit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lowland.files.columns.panels import panel_in
from lowland.files.columns.roles import numbers_that_name, refuse_no_data, ticked
from lowland.files.columns.summary_names import kind_of
from lowland.files.columns.times import dates_in, order_of_rows, words_of_dates
from lowland.files.evidence import Decision, Profile
from lowland.files.shapes.layouts import Reading
from lowland.files.shapes.row_labels import FirstColumn, first_column


def decide_wide(profiles: Mapping[str, Profile], asked: str, where: str, how: Reading) -> Decision:
    """Return the roles of a wide table's columns.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column, in their order.
    asked : str
        The column that was named as that of row labels; "" if none was.
    where : str
        Name of the table in messages.
    how : Reading

    Raises
    ------
    InvalidInputError
        If the first column may name the rows or be data.
    """
    form, first = how.form, next(iter(profiles))
    # words beyond the first lines are looked up where all lines are known
    asked_of = {*form.as_is, *form.as_total}
    totals = [
        name
        for name, column in profiles.items()
        if any(kind_of(word) or word in asked_of for word in column.words)
    ]
    data = {*form.as_data, *how.two_level, *how.labelled}
    left = dict.fromkeys(form.as_is, "as asked")
    others = {k: what for k, what in how.others.items() if k != first or not profiles[first].is_distinct}
    refuse_no_data(others, form, where)
    left = {name: what for name, what in others.items() if name in profiles} | left
    dates = dates_in({name: column for name, column in profiles.items() if name not in data}, form.dates)
    labels, why = asked, ""
    if not asked and form.row_labels:
        labels = first
    elif not asked and form.row_labels is None and first in dates and first not in left:
        # dates that repeat, as in measurements of several things at once, name no rows
        labels = first if profiles[first].is_distinct or how.duplicates != "error" else ""
    elif not asked and form.row_labels is None and first not in (*form.as_data, *left):
        merged = how.duplicates != "error"
        role, why = first_column(first, profiles[first], where, words=how.words and not merged, merged=merged)
        labels = first if role is FirstColumn.LABELS else ""
        if labels and not merged and _repeats_totals(profiles[first]):
            labels, role, why = "", FirstColumn.AS_IS, "names, totals among them repeat"
        if role is FirstColumn.AS_IS:
            left[first], why = why, ""
    inner = {name: column for name, column in profiles.items() if name != labels and name not in left}
    time = order_of_rows(profiles, dates, labels)
    left |= {
        name: words_of_dates(dates[name], inner[name], is_order=name == time)
        for name in inner
        if name in dates
    }
    left |= numbers_that_name(inner, data={*data, *dates})
    marked = {name: ticked(column, form.missing) for name, column in inner.items() if name not in data}
    left |= {name: what for name, what in marked.items() if what and name not in left}
    return Decision(
        "wide",
        (labels,) if labels else (),
        why,
        as_is={name: left[name] for name in profiles if name in left},
        dates=dates,
        time=time,
        panel=() if time or labels else panel_in(profiles, dates),
        totals=tuple(totals),
        codes=tuple(name for name, column in inner.items() if column.padded and name not in {*left, *data}),
    )


def _repeats_totals(column: Profile) -> bool:
    """Return whether names of rows repeat, but for those of totals none does."""
    counts = np.bincount(column.codes, minlength=column.distinct)
    again = [word for word, count in zip(column.words, counts.tolist(), strict=False) if count > 1]
    return bool(again) and all(map(kind_of, again))
