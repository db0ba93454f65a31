"""`Statement`: a finding read item by item; what it states and nothing derives is contradicted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.results.findings import Finding
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Outcome

# relative difference of numbers that were computed twice
AGREE = 1e-6
# words for a setting that stopped a judge; they say nothing about the data
LIMITS = ("", "work", "seconds", "largest_dense", "largest_hessian", "largest_tangent", "largest_modular")
ITEMS = ("value", "bound", "tolerance")
# what is known of a number in a sentence; see `Statement.says`
Known: TypeAlias = "float | tuple[Any, ...] | None"


@final
class Statement:
    """What a finding states, and which of it was derived.

    Parameters
    ----------
    finding : Finding
    """

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        stated = {name for name in ITEMS if getattr(finding, name) is not None}
        self.unread = stated | {"method", "rigour", "assumptions"} | set(finding.witness)
        self.faults: list[str] = []
        self.missing: list[str] = []
        if finding.limited_by not in LIMITS:
            self.fault(f"limited by {finding.limited_by!r}, which is no setting")

    @property
    def verdict(self) -> Verdict:
        """The verdict that is stated."""
        return self.finding.verdict

    @property
    def method(self) -> str:
        """The words that are stated."""
        return self.finding.method

    @property
    def is_open(self) -> bool:
        """Whether nothing is claimed."""
        return self.verdict is Verdict.INCONCLUSIVE

    def states(self, name: str) -> bool:
        """Whether a number or array of this name is stated."""
        return (name in ITEMS and getattr(self.finding, name) is not None) or name in self.finding.witness

    def fault(self, words: str) -> None:
        """Note something that the data do not show."""
        self.faults.append(words)

    def require(self, good: bool, words: str) -> bool:
        """Note a fault unless something holds; return whether it does."""
        if not good:
            self.fault(words)
        return good

    def not_derived(self, words: str) -> None:
        """Note that something could not be derived here."""
        self.missing.append(words)

    # ---------------------------------------------------------------- numbers

    def number(self, name: str) -> float | None:
        """Return a stated number, which may be infinite but not NaN; None if it is none, or not stated."""
        if not self.states(name):
            return None
        self.unread.discard(name)
        given = getattr(self.finding, name) if name in ITEMS else self.finding.witness[name]
        real = isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool)
        if not real or abs(given) > 1.8e308 or np.isnan(np.float64(given)):
            self.fault(f"{name} is no number")
            return None
        return np.float64(given)  # whose powers overflow to infinity without an error

    def is_empty(self, name: str) -> bool:
        """Whether something is stated as None: not computed; that is no claim."""
        empty = name in self.finding.witness and self.finding.witness[name] is None
        if empty:
            self.unread.discard(name)
        return empty

    def whole(self, name: str) -> int:
        """Return a stated whole number of at least 0; 0 after noting a fault."""
        said = self.needed(name)
        good = said is not None and np.isfinite(said) and said == round(said) >= 0
        return int(said) if self.require(bool(good), f"{name} is no whole number") and said is not None else 0

    def needed(self, name: str) -> float | None:
        """Return a stated number; that it is missing is a fault."""
        if not self.states(name):
            self.fault(f"no {name} is stated")
        return self.number(name)

    def close(self, name: str, found: float | None, *, rtol: float = AGREE, atol: float = 0.0) -> None:
        """Compare a number, if stated, with the one found."""
        said = self.number(name)
        if said is None:
            return
        if said == found:
            return
        if found is None or not np.isfinite(said) or not abs(said - found) <= rtol * abs(found) + atol:
            self.fault(f"{name} {said:.9g} stated, {'none' if found is None else f'{found:.9g}'} found")

    def at_most(self, name: str, most: float, *, rtol: float = AGREE, atol: float = 0.0) -> None:
        """Compare a number, if stated, with the largest one that the data show."""
        said = self.number(name)
        if said is not None and not said <= most + rtol * abs(most) + atol:
            self.fault(f"{name} {said:.9g} stated, at most {most:.9g} found")

    def at_least(self, name: str, least: float, *, rtol: float = AGREE, atol: float = 0.0) -> None:
        """Compare a number, if stated, with the smallest one that the data show."""
        said = self.number(name)
        if said is not None and not said >= least - rtol * abs(least) - atol:
            self.fault(f"{name} {said:.9g} stated, at least {least:.9g} found")

    def array(self, name: str, shape: tuple[int | None, ...], *, reals: bool = True) -> Matrix | None:
        """Return a stated array of finite numbers, or None after a fault; None in `shape` is any length."""
        if name not in self.finding.witness:
            self.fault(f"no {name} is attached")
            return None
        self.unread.discard(name)
        try:
            found = np.asarray(self.finding.witness[name])
            array = found.astype(np.float64 if reals else np.complex128)
        except (TypeError, ValueError):
            array = np.zeros(0)
        fits = array.ndim == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
        )
        if not (fits and np.isfinite(array).all() and np.isrealobj(found if fits else array) >= reals):
            self.fault(f"{name} is no array of finite numbers of the right shape")
            return None
        return array

    def positions(self, name: str, found: Any) -> None:
        """Compare an array of whole numbers, if stated, with the one found."""
        if name not in self.finding.witness:
            return
        self.unread.discard(name)
        try:
            same = np.array_equal(np.asarray(self.finding.witness[name]), np.asarray(found))
        except (TypeError, ValueError):
            same = False
        self.require(bool(same), f"{name} differ from those found")

    # ---------------------------------------------------------------- words

    def rigour(self, *allowed: Rigour) -> None:
        """Compare the rigour with what the derivation rests on."""
        self.unread.discard("rigour")
        words = " or ".join(rigour.value.replace("_", " ") for rigour in allowed)
        self.require(self.finding.rigour in allowed, f"rigour {self.finding.rigour.value}, derived: {words}")

    def assume(self, assumptions: Sequence[str] = ()) -> None:
        """Compare the assumptions with those that are needed."""
        self.unread.discard("assumptions")
        given = self.finding.assumptions
        if tuple(given) != tuple(assumptions):
            self.fault(
                f"assumes {'; '.join(given) or 'nothing'}, derived: {'; '.join(assumptions) or 'nothing'}"
            )

    def says(self, pattern: str, numbers: Mapping[str, Known] | None = None) -> bool:
        """Compare the words with a sentence, and the numbers in its braces with those found.

        What is known of a number is the number itself; ("from", least) or ("to", most); ("near", number,
        distance); or None for any whole number, which is about the judging.

        Returns
        -------
        bool
            Whether the words are this sentence; the numbers in it may be wrong.
        """
        found = match(pattern, self.method)
        if found is None:
            return False
        self.unread.discard("method")
        self.compare(found, numbers or {})
        return True

    def compare(self, words: dict[str, str], numbers: Mapping[str, Known]) -> None:
        """Compare the numbers read from a sentence with those found."""
        for name, text in words.items():
            known = numbers[name]
            try:
                said = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
            except ValueError:
                said = float("nan")
            self.require(_agrees(said, known, text), f"the words say {text}, found: {known}")

    # ---------------------------------------------------------------- outcome

    def settle(self, words: str) -> Check:
        """Return the outcome: contradicted if there is a fault, or something stated that nothing derives."""
        claim, verdict = self.finding.claim, self.verdict.value
        if self.unread - {"method"}:
            self.fault(f"states {', '.join(sorted(self.unread - {'method'}))}, which nothing here derives")
        if "method" in self.unread:
            self.fault(f"words that nothing here derives: {self.method!r}")
        if self.faults:
            return Check(claim, verdict, Outcome.CONTRADICTED, "; ".join([*self.faults, words]).strip("; "))
        if self.missing:
            return Check(claim, verdict, Outcome.NOT_CHECKED, "; ".join(self.missing))
        return Check(claim, verdict, Outcome.CONFIRMED, words)

    def settle_open(self) -> Check:
        """Return the outcome of an open question: an estimate, without assumptions."""
        self.rigour(Rigour.ESTIMATE)
        self.assume()
        return self.settle("nothing is claimed")

    def settle_unchecked(self, words: str) -> Check:
        """Return "not checked", or contradicted if there is a fault already."""
        if self.faults:
            self.unread.clear()
            return self.settle("")
        return Check(self.finding.claim, self.verdict.value, Outcome.NOT_CHECKED, words)


def _agrees(said: float, known: Known, text: str) -> bool:
    """Return whether a number in a sentence is the known one, to the digits that are written.

    A whole number that is known must be written in full.
    """
    if not np.isfinite(said):
        return False
    if known is None:
        return re.fullmatch(r"\d+", text) is not None
    room = _half_digit(text)
    if isinstance(known, tuple):
        kind, number, *beside = known
        room += AGREE * abs(number)
        if kind == "near":
            return bool(abs(said - number) <= room + beside[0])
        return bool(said >= number - room if kind == "from" else said <= number + room)
    if float(known).is_integer() and abs(known) < 1e15 and re.fullmatch(r"-?\d+", text) is not None:
        return bool(said == known)
    written = float(known).is_integer() and "e" not in text and "%" not in text and "." in text
    return not written and bool(abs(said - known) <= room + AGREE * abs(known))


def _half_digit(text: str) -> float:
    """Return half a unit of the last digit of a number as it is written."""
    digits, _, power = text.rstrip("%").partition("e")
    places = len(digits.partition(".")[2])
    unit = 10.0 ** (int(power or 0) - places)
    return 0.51 * unit / (100 if text.endswith("%") else 1)


def match(pattern: str, text: str) -> dict[str, str] | None:
    """Return the texts in the braces of a pattern that is the whole text, None if it is not."""
    parts = re.split(r"\{(\w+)\}", pattern)
    regex = "".join(
        re.escape(part) if k % 2 == 0 else f"(?P<{part}>[-+]?(?:inf|nan|[0-9.]+(?:e[-+]?[0-9]+)?%?))"
        for k, part in enumerate(parts)
    )
    found = re.fullmatch(regex, text)
    return None if found is None else found.groupdict()
