"""Reasons of findings: phrases from one table of sentences, by code, with their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.doors import public
from lowland.core.results.sentences import ASSUMPTIONS, EARLIER, SENTENCES

# a number as such or as it is written in a sentence, a name, or several whole numbers
Value: TypeAlias = "float | str | list[int]"
# longer texts are no sentences of the table
LONGEST = 2000
WORD, NUMBER = "[a-z_]+", "[-+]?(?:inf|nan|[0-9.]+(?:e[-+]?[0-9]+)?%?)"
# between several numbers; and how what a phrase says is written, by its kind
JOINED = {"times": " x ", "listed": ", "}
KINDS = {
    "whole": NUMBER,
    "real": NUMBER,
    "word": WORD,
    "lines": "[0-9]+ (?:rows?|columns?)(?: and [0-9]+ columns?)?",
    **{kind: f"[0-9]+(?:{between}[0-9]+)*" for kind, between in JOINED.items()},
}
# as sentences once counted one
_ONE = re.compile(r"(?<![0-9.])1 (row|column)s\b")


@public("lowland")
@final
@dataclass(frozen=True)
class Phrase:
    """One phrase of a finding's sentence: a code and numbers, from which a fixed table makes the text.

    Parameters
    ----------
    code : str
        Which phrase.
    numbers : dict
        The numbers in it, and names, by name.

    Examples
    --------
    >>> import lowland as ll
    >>> proof = ll.certify_matrix(ll.Entries([0, 0, 1], [0, 1, 0], (2, 2)), [1, 2, 3], [[1], [3]], [[1], [2]])
    >>> [phrase.code for phrase in proof["locally_unique"].reason]
    ['isolated', 'of_the_norm', 'tangent_space']
    >>> print(proof["locally_unique"].reason[1])
    , 27.73% of the Frobenius norm of this one
    """

    code: str
    numbers: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        parts = (
            literal + ("" if name is None else _written(self.numbers[name], spec or "", conversion or ""))
            for literal, name, spec, conversion in Formatter().parse(SENTENCES[self.code])
        )
        return "".join(parts)


Reason: TypeAlias = tuple[Phrase, ...]


def because(code: str, **numbers: Any) -> Reason:
    """Return a reason of one phrase, with exactly its numbers; reasons are added to make longer ones."""
    if set(numbers) != set(kinds_of(code)):
        raise TypeError(f"the numbers of {code} are {', '.join(kinds_of(code)) or 'none'}")
    return (Phrase(code, {name: np.asarray(value).tolist() for name, value in numbers.items()}),)


def assumption(code: str, **numbers: float | str) -> str:
    """Return an assumption of the table."""
    return ASSUMPTIONS[code].format(**numbers)


def sentence(reason: Iterable[Phrase]) -> str:
    """Return phrases as a sentence, with semicolons between those that do not bring their own punctuation."""
    text = ""
    for phrase in reason:
        part = str(phrase)
        text += part if not text or text.endswith(" ") or part[0] in ",:" else f"; {part}"
    return text


def say_lines(rows: int, columns: int) -> str:
    """Return a phrase such as "3 rows and 1 column"."""
    return " and ".join(
        f"{count} {name}{'s' * (count > 1)}" for count, name in ((rows, "row"), (columns, "column")) if count
    )


def counted_now(text: str) -> str:
    """Return a sentence that an earlier version may have written, which said "1 rows"."""
    return _ONE.sub(r"1 \1", text)


def kinds_of(code: str) -> dict[str, str]:
    """Return what each name in a phrase is: "whole", "real", "lines", "times", "listed" or "word"."""
    return {
        name: spec if spec in KINDS else "real" if spec or conversion else "whole"
        for _, name, spec, conversion in Formatter().parse(SENTENCES[code])
        if name is not None
    }


def _written(value: Any, spec: str, conversion: str) -> str:
    if isinstance(value, str):
        return value
    if spec == "lines":
        return say_lines(*value)
    if spec in JOINED:
        return JOINED[spec].join(str(number) for number in value)
    return repr(float(value)) if conversion else format(value, spec)


# -------------------------------------------------------------------- sentences that come without codes


def read_sentence(text: str) -> Reason:
    """Return the phrases of a sentence, their numbers as they are written; none if it is not of the table."""
    for code, earlier in EARLIER.items():
        if text == earlier:
            return because(code)
    if len(text) > LONGEST:
        return ()
    text = counted_now(text)
    for code, pattern in _PATTERNS.items():
        match = pattern.match(text)
        if match is None:
            continue
        kinds, parts = kinds_of(code), match.groupdict()
        first = because(code, **{name: _read(parts[name], kind) for name, kind in kinds.items()})
        rest = text[match.end() :]
        after = read_sentence(rest.removeprefix("; ")) if rest else ()
        if bool(after) == bool(rest) and sentence(first + after) == text:
            return first + after
    return ()


def _pattern(code: str) -> re.Pattern[str]:
    """Return a pattern of a phrase, with a group for each name in it."""
    kinds, regex = kinds_of(code), ""
    for literal, name, *_ in Formatter().parse(SENTENCES[code]):
        regex += re.escape(literal) + ("" if name is None else f"(?P<{name}>{KINDS[kinds[name]]})")
    return re.compile(regex)


def _read(text: str, kind: str) -> Value:
    """Return what a part of a phrase says, numbers as they are written."""
    if kind == "lines":
        counts = [re.search(f"([0-9]+) {name}", text) for name in ("row", "column")]
        return [0 if count is None else int(count[1]) for count in counts]
    return [int(number) for number in text.split(JOINED[kind])] if kind in JOINED else text


_PATTERNS = {code: _pattern(code) for code in SENTENCES}
