"""Findings as JSON data, read strictly: an unknown key, a wrong type or a foreign word is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lowland.core.errors import FileFormatError
from lowland.core.results.reasons import WORD, Phrase, Reason, counted_now, kinds_of, sentence
from lowland.core.results.sentences import SENTENCES
from lowland.core.results.status import Rigour, Verdict, allowed_verdict

TEXTS, NUMBERS = ("claim", "method", "limited_by"), ("value", "bound", "tolerance")
KEYS = {*TEXTS, *NUMBERS, "verdict", "rigour", "assumptions", "reason", "witness"}


def plain_number(value: float | None) -> float | str | None:
    """Return a number as JSON data; infinities, which JSON lacks, become text."""
    if value is None or np.isfinite(value):
        return None if value is None else float(value)
    return repr(float(value))


def plain_value(value: Any) -> Any:
    """Return a number, an array or anything else of a witness as JSON data."""
    if isinstance(value, np.ndarray):
        if np.iscomplexobj(value):  # JSON has no complex numbers
            return {"real": value.real.tolist(), "imag": value.imag.tolist()}
        return value.tolist()
    if isinstance(value, float | np.floating):
        return plain_number(float(value))
    return value.item() if isinstance(value, np.generic) else value


def plain_reason(reason: Reason) -> list[dict[str, Any]]:
    """Return the phrases of a reason as JSON data."""
    return [
        {"code": phrase.code} | {name: plain_value(number) for name, number in phrase.numbers.items()}
        for phrase in reason
    ]


def parse(text: str, what: str) -> Any:
    """Return JSON text as data.

    Raises
    ------
    FileFormatError
        If it is no JSON, repeats a key, or holds a number that JSON does not know.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        unrepeated = dict(pairs)
        if len(unrepeated) < len(pairs):
            raise ValueError("a key is repeated")
        return unrepeated

    def unknown(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=unknown)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{what} is not a certificate", str(error)) from error


def with_reasons(findings: list[Any]) -> list[Any]:
    """Return findings as earlier versions wrote them with what they lack: no reasons."""
    return [{"reason": [], **item} if isinstance(item, dict) else item for item in findings]


def by_todays_rule(findings: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """Return findings that an earlier rule may have decided with the verdicts that today's rule allows.

    Returns
    -------
    findings : list
        Plain data; what is no finding, and a proof by an estimate, stay as they are, to be refused.
    written : dict of str to str
        By claim, the verdicts that are written where they differ.
    """
    ruled: list[Any] = []
    written: dict[str, str] = {}
    for item in findings:
        try:
            verdict, rigour = Verdict(item["verdict"]), Rigour(item["rigour"])
        except (TypeError, KeyError, ValueError):
            ruled.append(item)
            continue
        allowed = allowed_verdict(verdict, rigour)
        if allowed is not verdict and (verdict, rigour) != (Verdict.PROVED, Rigour.ESTIMATE):
            written[str(item.get("claim"))] = verdict.value
            item = {**item, "verdict": allowed.value}
        ruled.append(item)
    return ruled, written


def finding_fields(item: Any, what: str, *, timed: bool) -> dict[str, Any]:
    """Return the fields of a finding from JSON data, checked; `timed` if its seconds are stated.

    Raises
    ------
    FileFormatError
        If a key is missing or unknown, or a value has the wrong type.
    """
    if not isinstance(item, Mapping):
        raise FileFormatError(f"{what} holds a finding that is no object", type(item).__name__)
    given = dict(item)
    wrong = set(given) ^ (KEYS | {"seconds"} if timed else KEYS)
    if wrong:
        raise FileFormatError(f"{what} holds a finding with wrong keys", ", ".join(sorted(map(ascii, wrong))))
    for name in TEXTS:
        if not _is_printable(given[name]):
            raise _wrong(what, name, given[name])
    fields: dict[str, Any] = {name: given[name] for name in TEXTS}
    fields |= {name: _number(given[name], what, name) for name in NUMBERS}
    if timed:
        fields["seconds"] = _number(given["seconds"], what, "seconds") or 0.0
    kinds: tuple[tuple[str, Any], ...] = (("verdict", Verdict), ("rigour", Rigour))
    for name, kind in kinds:
        if given[name] not in [one.value for one in kind]:
            raise _wrong(what, name, given[name])
        fields[name] = kind(given[name])
    listed = given["assumptions"]
    if not isinstance(listed, list) or not all(_is_printable(one) for one in listed):
        raise _wrong(what, "assumptions", listed)
    fields["assumptions"] = tuple(listed)
    if not isinstance(given["witness"], Mapping) or not all(_is_printable(key) for key in given["witness"]):
        raise _wrong(what, "witness", given["witness"])
    fields["method"] = counted_now(fields["method"]) if given["reason"] else fields["method"]
    fields["reason"] = _reason(given["reason"], fields["method"], what)
    fields["witness"] = {str(key): _value(value, what, key) for key, value in given["witness"].items()}
    return fields


def _reason(listed: Any, method: str, what: str) -> Reason:
    """Return the phrases of a reason: of known codes, with exactly their numbers, and with this sentence."""
    if not isinstance(listed, list):
        raise _wrong(what, "reason", listed)
    phrases = []
    for item in listed:
        code = item.get("code") if isinstance(item, Mapping) else None
        kinds = kinds_of(code) if isinstance(code, str) and code in SENTENCES else {}
        if not isinstance(code, str) or set(item) != {"code", *kinds} or code not in SENTENCES:
            raise _wrong(what, "reason", item)
        phrases.append(Phrase(code, {name: _said(item[name], kind, what) for name, kind in kinds.items()}))
    if phrases and sentence(phrases) != method:
        raise FileFormatError(
            f"{what} holds a finding whose sentence is not that of its reason", ascii(method)
        )
    return tuple(phrases)


def _said(value: Any, kind: str, what: str) -> Any:
    """Return what a phrase says: a number, several whole numbers, or a name."""
    if kind == "real" and value is not None:
        return _number(value, what, "reason")
    if kind == "word":
        good = isinstance(value, str) and re.fullmatch(WORD, value) is not None
    elif kind == "whole":
        good = _is_whole(value)
    else:
        good = isinstance(value, list) and all(map(_is_whole, value)) and (kind != "lines" or len(value) == 2)
    if not good:
        raise _wrong(what, "reason", value)
    return value


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number of at least 0 that is a float, too."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 << 53


def _is_printable(text: Any) -> bool:
    """Whether something is text that can be shown in one line, without codes that move the cursor."""
    return isinstance(text, str) and text.isprintable()


def _wrong(what: str, name: str, value: Any) -> FileFormatError:
    text = ascii(value)
    return FileFormatError(
        f"{what} holds a finding whose {name} cannot be read", text if len(text) < 60 else f"{text[:60]}..."
    )


def _number(value: Any, what: str, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, str) and value in ("inf", "-inf", "nan"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(what, name, value)
    try:
        return float(value)
    except OverflowError as error:
        raise _wrong(what, name, value) from error


def _value(value: Any, what: str, name: str) -> Any:
    """Return a value of a witness: a number, an array, or None."""
    if isinstance(value, list):
        return number_array(value, f"{what} holds a witness {name}")
    if isinstance(value, Mapping):
        if set(value) != {"real", "imag"}:
            raise _wrong(what, name, value)
        real, imag = (
            number_array(value[part], f"{what} holds a witness {name}") for part in ("real", "imag")
        )
        if real.shape != imag.shape or real.ndim == 0:
            raise _wrong(what, name, value)
        return real + 1j * imag
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and abs(value) <= 1 << 53:  # larger ones are no floats
        return value
    return value if value is None or isinstance(value, bool) else _number(value, what, name)


def number_array(value: Any, what: str) -> Any:
    """Return nested lists of numbers as an array.

    Raises
    ------
    FileFormatError
        If they are ragged, or hold anything but numbers.
    """
    try:
        array = np.asarray(value)
    except (ValueError, RecursionError, OverflowError) as error:
        raise FileFormatError(f"{what} that is no array", str(error)) from error
    if array.size and array.dtype.kind not in "iuf":
        raise FileFormatError(f"{what} that holds other things than numbers", str(array.dtype))
    return array
