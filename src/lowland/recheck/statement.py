"""`Statement`: a finding read item by item; what it states and nothing derives is contradicted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import Phrase, Reason, because, kinds_of, read_sentence, sentence
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check, Outcome

# a whole number as it is written
WHOLE = r"(?:0|[1-9]\d*)"
# relative difference of numbers that were computed twice
AGREE = 1e-6
# words for a setting that stopped a judge; they say nothing about the data
LIMITS = ("", "work", "seconds", "largest_dense", "largest_hessian", "largest_tangent", "largest_modular")
ITEMS = ("value", "bound", "tolerance")
UNKNOWN_WORDS = "words that nothing here derives"
# the last phrase of what would be a proof if all rounding were bounded, and the verdict that it would have
UNBOUNDED = "rounding_unbounded"
WOULD_BE = {Verdict.SUPPORTED: Verdict.PROVED, Verdict.INCONCLUSIVE: Verdict.REFUTED}
# what is known of a number in a sentence; see `Statement.says`
Known: TypeAlias = "float | str | list[int] | tuple[Any, ...] | None"


@final
class Statement:
    """What a finding states, and which of it was derived.

    Its sentence is read phrase by phrase, each by its code. Of a sentence without codes, as earlier versions
    wrote it, the phrases are first looked up in the table.

    Parameters
    ----------
    finding : Finding
    """

    unread: set[str]
    phrases: list[Phrase]
    is_read: bool

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        stated = {name for name in ITEMS if getattr(finding, name) is not None}
        self.unread = stated | {"rigour", "assumptions"} | set(finding.witness)
        self.phrases = list(finding.reason or read_sentence(finding.method))
        self.is_read = bool(self.phrases)
        self.is_unbounded = bool(self.phrases) and self.phrases[-1].code == UNBOUNDED
        if self.is_unbounded:
            self.phrases.pop()
        self.derived: Reason = ()
        self.closing: Reason = ()
        self.faults: list[str] = []
        self.missing: list[str] = []
        if finding.limited_by not in LIMITS:
            self.fault(f"limited by {finding.limited_by!r}, which is no setting")

    @property
    def verdict(self) -> Verdict:
        """The verdict that is stated, or that would be if all rounding were bounded."""
        stated = self.finding.verdict
        return WOULD_BE.get(stated, stated) if self.is_unbounded else stated

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

    def close(self, name: str, derived: float | None, *, rtol: float = AGREE, atol: float = 0.0) -> None:
        """Compare a number, if stated, with the one found."""
        said = self.number(name)
        if said is None:
            return
        if said == derived:
            return
        if derived is None or not np.isfinite(said) or not abs(said - derived) <= rtol * abs(derived) + atol:
            self.fault(f"{name} {said:.9g} stated, {'none' if derived is None else f'{derived:.9g}'} found")

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

    def tolerance(self, most: float) -> float:
        """Return the stated tolerance, which the bound repeats; above `most` it would mean nothing."""
        tolerance = self.needed("tolerance") or 0.0
        self.close("bound", tolerance)
        self.require(0 <= tolerance <= most, f"a tolerance of {tolerance:g} makes the claim meaningless")
        return tolerance

    def array(self, name: str, shape: tuple[int | None, ...], *, reals: bool = True) -> Matrix | None:
        """Return a stated array of finite numbers, or None after a fault; None in `shape` is any length."""
        if name not in self.finding.witness:
            self.fault(f"no {name} is attached")
            return None
        self.unread.discard(name)
        try:
            values = np.asarray(self.finding.witness[name])
            array = values.astype(np.float64 if reals else np.complex128)
        except (TypeError, ValueError):
            array = np.zeros(0)
        fits = array.ndim == len(shape) and all(
            wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True)
        )
        if not (fits and np.isfinite(array).all() and np.isrealobj(values if fits else array) >= reals):
            self.fault(f"{name} is no array of finite numbers of the right shape")
            return None
        return array

    def positions(self, name: str, derived: Any) -> None:
        """Compare an array of whole numbers, if stated, with the one found."""
        if name not in self.finding.witness:
            return
        self.unread.discard(name)
        try:
            same = np.array_equal(np.asarray(self.finding.witness[name]), np.asarray(derived))
        except (TypeError, ValueError):
            same = False
        self.require(bool(same), f"{name} differ from those found")

    # ---------------------------------------------------------------- words

    def rigour(self, *allowed: Rigour) -> None:
        """Compare the rigour with what the derivation rests on."""
        self.unread.discard("rigour")
        words, given = " or ".join(rigour.value.replace("_", " ") for rigour in allowed), self.finding.rigour
        proof = self.finding.verdict in (Verdict.PROVED, Verdict.REFUTED)
        less = not proof and given is Rigour.WORKING_PRECISION and any(rigour.is_proof for rigour in allowed)
        good = less if self.is_unbounded else given in allowed or less
        self.require(good, f"rigour {given.value}, derived: {words}")

    def bounded(self, is_bounded: bool, *, or_less: bool = False) -> None:
        """Compare whether what is stated is a proof with whether all rounding is bounded here.

        With `or_less` a judge may have said less than a proof where one is known here.
        """
        if self.is_unbounded:
            self.require(or_less or not is_bounded, "all rounding is bounded here")
            self.is_unbounded, self.closing = False, because(UNBOUNDED)
        elif self.finding.verdict in (Verdict.PROVED, Verdict.REFUTED):
            self.require(is_bounded, "not all rounding is bounded here, so that nothing is proved")

    def assume(self, assumptions: Sequence[str] = ()) -> None:
        """Compare the assumptions with those that are needed."""
        self.unread.discard("assumptions")
        given = self.finding.assumptions
        if tuple(given) != tuple(assumptions):
            self.fault(
                f"assumes {'; '.join(given) or 'nothing'}, derived: {'; '.join(assumptions) or 'nothing'}"
            )

    @property
    def code(self) -> str:
        """The code of the next phrase of the sentence, empty if none is left."""
        return self.phrases[0].code if self.phrases else ""

    @property
    def own_words(self) -> str:
        """The phrases that were read, with the numbers that are derived."""
        return sentence(self.derived + self.closing)

    @property
    def said_again(self) -> str:
        """What follows the outcome of a finding without codes: its sentence, derived again."""
        if self.finding.reason:
            return ""
        return f"; it states no reason code, and would be written here: {self.own_words}"

    def says(self, code: str, **known: Known) -> bool:
        """Read the next phrase of the sentence if it has a code, and compare its numbers with those known.

        What is known of a number is the number itself; ("near", number, distance); ("from", least) or ("to",
        most), and beside it the number that is derived if there is one; ("of", several); or None for any
        whole number, which is about the judging.

        Returns
        -------
        bool
            Whether the phrase has the code; the numbers in it may be wrong.
        """
        if self.code != code:
            return False
        phrase, kinds = self.phrases.pop(0), kinds_of(code)
        for name, stated in phrase.numbers.items():
            good = _agrees(stated, known[name], kinds[name])
            self.require(good, f"the words say {stated}, where {known[name]} is stated or found")
        numbers = {name: _derived(phrase.numbers[name], known[name], kind) for name, kind in kinds.items()}
        self.derived += because(code, **numbers)
        return True

    def must_say(self, code: str, **known: Known) -> None:
        """Note a fault unless `says`."""
        self.require(self.says(code, **known), UNKNOWN_WORDS)

    def repeats(self, other: Finding, check: Callable[[Statement], Check]) -> Check:
        """Compare a finding that repeats another, which must pass its own check."""
        stated, repeated = self.finding, Statement(other)
        for name in ("verdict", "method", "rigour"):
            same = getattr(stated, name) == getattr(other, name)
            self.require(same, f"another {name} than the finding that it repeats")
        self.assume(other.assumptions)
        for name in set(stated.witness) & set(other.witness):
            same = np.array_equal(np.asarray(stated.witness[name]), np.asarray(other.witness[name]))
            self.require(same, f"another {name} than in the finding that it repeats")
        self.unread -= {"rigour", *other.witness}
        outcome = check(repeated)
        self.phrases, self.is_read, self.derived = [], True, repeated.derived
        self.is_unbounded = False
        if outcome.outcome is Outcome.CONTRADICTED:
            self.fault(f"the finding on {other.claim} is contradicted")
        elif outcome.outcome is Outcome.NOT_CHECKED:
            self.not_derived(f"{other.claim}: {outcome.words}")
        return self.settle(outcome.words.removesuffix(repeated.said_again))

    # ---------------------------------------------------------------- outcome

    def nothing_claimed(self) -> Check:
        """Return the outcome of an open finding whose sentence was read."""
        self.rigour(Rigour.ESTIMATE)
        self.assume()
        return self.settle("nothing is claimed")

    def settle(self, words: str) -> Check:
        """Return the outcome: contradicted if there is a fault, or something stated that nothing derives."""
        claim, verdict = self.finding.claim, self.verdict.value
        if self.unread:
            self.fault(f"states {', '.join(sorted(self.unread))}, which nothing here derives")
        if self.phrases or self.is_unbounded or not self.is_read:
            self.fault(f"words that nothing here derives: {self.finding.method!r}")
        if self.faults:
            return Check(claim, verdict, Outcome.CONTRADICTED, "; ".join([*self.faults, words]).strip("; "))
        if self.missing:
            return Check(claim, verdict, Outcome.NOT_CHECKED, "; ".join(self.missing))
        return Check(claim, verdict, Outcome.CONFIRMED, words + self.said_again)

    def settle_unchecked(self, words: str) -> Check:
        """Return "not checked", or contradicted if there is a fault already."""
        if self.faults:
            self.unread.clear()
            self.phrases, self.is_read, self.is_unbounded = [], True, False
            return self.settle("")
        return Check(self.finding.claim, self.verdict.value, Outcome.NOT_CHECKED, words)


def _agrees(stated: Any, known: Any, kind: str) -> bool:
    """Return whether what a phrase states is what is known; of texts, to the digits that are written.

    A whole number that is known must be written in full.
    """
    if isinstance(known, tuple) and known[0] == "of":
        return any(_agrees(stated, one, kind) for one in known[1])
    if kind not in ("whole", "real"):
        return bool(stated == known)
    text = stated if isinstance(stated, str) else ""
    if kind == "whole" and text and re.fullmatch(WHOLE, text) is None:
        return False
    try:
        number = float(text.rstrip("%")) / (100 if text.endswith("%") else 1) if text else float(stated)
    except ValueError:
        return False
    if known is None or not np.isfinite(number):
        return known is None
    room = _half_digit(text) if text else 0.0
    if isinstance(known, tuple):
        side, limit, *beside = known
        room += AGREE * abs(limit)
        if side == "near":
            return bool(abs(number - limit) <= room + beside[0])
        return bool(number >= limit - room if side == "from" else number <= limit + room)
    if kind == "whole" or (float(known).is_integer() and re.fullmatch(f"-?{WHOLE}", text)):
        return bool(number == known)
    shortened = float(known).is_integer() and "e" not in text and "%" not in text and "." in text
    return not shortened and bool(abs(number - known) <= room + AGREE * abs(known))


def _derived(stated: Any, known: Any, kind: str) -> Any:
    """Return what is known of a number for a sentence: itself, or N where nothing here derives it."""
    if isinstance(known, tuple) and known[0] == "of":
        return next((one for one in known[1] if _agrees(stated, one, kind)), "N")
    if isinstance(known, tuple) and known[0] != "near":
        return known[2] if len(known) > 2 else "N"
    number = known[1] if isinstance(known, tuple) else known
    if number is None:
        return "N"
    return int(number) if kind == "whole" else number


def _half_digit(text: str) -> float:
    """Return half a unit of the last digit of a number as it is written."""
    digits, _, power = text.rstrip("%").partition("e")
    places = len(digits.partition(".")[2])
    unit = 10.0 ** (int(power or 0) - places)
    return 0.51 * unit / (100 if text.endswith("%") else 1)
