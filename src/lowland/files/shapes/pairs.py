"""Lists of pairs without values, such as who bought what: cells that all hold 1, if they are said to be."""

from __future__ import annotations

from collections.abc import Mapping

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.column_names import COLUMNS, ROWS, TIMES, words_of
from lowland.files.columns.roles import MOST_WORDS
from lowland.files.evidence import EXPECTED, Decision, Profile, are_times, repeats


def decide_pairs(
    profiles: Mapping[str, Profile],
    names: tuple[str | None, str | None, str | None],
    where: str,
    *,
    asked: bool,
) -> Decision | None:
    """Return the roles of the columns of a list of pairs, None if it is none.

    Parameters
    ----------
    profiles : mapping of str to Profile
        By name of column.
    names : tuple of str or None
        Given names of the row, column and value columns.
    where : str
        Name of the table in messages.
    asked : bool
        Whether it is said to be such a list.

    Raises
    ------
    InvalidInputError
        If it is said to be one, and it is not known which columns are meant.
    """
    given = [name for name in names if name is not None]
    if names[2] is not None or any(name not in profiles for name in given):
        return None  # a long table, or an error of which that tells more
    others = [name for name in _names_of(profiles) if name not in given]
    if len(given) + len(others) != 2 and len(given) != 2:
        if not asked:
            return None
        raise InvalidInputError(
            f"{where} does not tell which two of its columns name a pair",
            f"columns {', '.join(map(repr, others))}",
            fix=Words("name them: ", Option("row"), " and ", Option("column")),
        )
    if not asked and not given and not _are_pairs(profiles):
        return None
    row, column = names[0] or others.pop(0), names[1] or others.pop()
    unused = tuple(name for name in profiles if name not in (row, column))
    return Decision("long", (row, column), "pairs that are listed, whose cells all hold 1", unused)


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
    if _are_pairs(profiles):
        first, second = _names_of(profiles)
        raise InvalidInputError(
            f"{where} lists pairs without values",
            f"columns {first!r} and {second!r}, {profiles[first].codes.size} lines",
            "that a pair is listed says that something happened; nothing says for which pairs it did not",
            Remedy(
                Words("let all other pairs count as 0, with a small weight: ", Option("unlisted", 0)),
                "add a column of values that differ, such as ratings",
            ),
        )


def _names_of(profiles: Mapping[str, Profile]) -> list[str]:
    """Return the columns that may name a pair: all but times."""
    return [name for name, one in profiles.items() if not (TIMES & words_of(name) or are_times(one))]


def _are_pairs(profiles: Mapping[str, Profile]) -> bool:
    """Return whether a table lists pairs alone, or pairs and times."""
    names = _names_of(profiles)
    held = [profiles[name] for name in names]
    if len(names) != 2 or len(profiles) > 3:
        return False
    if any(one.is_distinct or one.gaps or not one.may_name for one in held):
        return False
    expected, seen = repeats(held[0], held[1])
    first, second = (words_of(name) for name in names)
    named = bool((first & ROWS and second & COLUMNS) or (first & COLUMNS and second & ROWS))
    words = all(one.kind == "text" and one.distinct > MOST_WORDS for one in held)
    return ((named or words) and not seen) or (expected >= EXPECTED and seen <= 0.1 * expected)
