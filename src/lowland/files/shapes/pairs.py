"""Lists of pairs without values, such as who bought what: no table of numbers can be made of them."""

from __future__ import annotations

from collections.abc import Mapping

from lowland.core.errors import InvalidInputError
from lowland.files.column_names import COLUMNS, ROWS, TIMES, words_of
from lowland.files.columns.roles import MOST_WORDS
from lowland.files.evidence import EXPECTED, Profile, are_times, repeats


def refuse_pairs(profiles: Mapping[str, Profile], where: str) -> None:
    """Raise if a table lists pairs alone, or pairs and times.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column.
    where : str
        Name of the table in messages.

    Raises
    ------
    InvalidInputError
        If its two columns are named so, or no pair of theirs repeats where chance would repeat many.
    """
    names = [name for name, one in profiles.items() if not (TIMES & words_of(name) or are_times(one))]
    held = [profiles[name] for name in names]
    if len(names) != 2 or len(profiles) > 3:
        return
    if any(one.is_distinct or one.gaps or not one.may_name for one in held):
        return
    expected, seen = repeats(held[0], held[1])
    first, second = (words_of(name) for name in names)
    named = bool((first & ROWS and second & COLUMNS) or (first & COLUMNS and second & ROWS))
    words = all(one.kind == "text" and one.distinct > MOST_WORDS for one in held)
    if ((named or words) and not seen) or (expected >= EXPECTED and seen <= 0.1 * expected):
        raise InvalidInputError(
            f"{where} lists pairs without values",
            f"columns {names[0]!r} and {names[1]!r}, {held[0].codes.size} lines",
            "that a pair is listed says that something happened; nothing says for which pairs it did not",
            "add a column of values that differ: ratings, how often, or 1 and, for pairs where it is known "
            "not to have happened, 0",
        )
