"""`Document`: a certificate with what a sceptic needs to derive it again, given the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import FileFormatError
from lowland.core.results.finding_json import (
    by_todays_rule,
    number_array,
    parse,
    plain_value,
    with_reasons,
)
from lowland.core.results.findings import Certificate, where_bounded
from lowland.core.results.reasons import read_sentence
from lowland.core.results.status import Rigour, Verdict

# version 2, the oldest that is read, has no codes of reasons; up to version 3 PROVED and REFUTED were said of
# what holds to working precision, and rounding was bounded in the precision of the fit
FORMAT, UNCODED, UNBOUNDED, VERSION = "lowland certificate", 2, 3, 5
KINDS = ("table", "audit", "measurements", "tensor", "filled", "cp", "region", "stability")
KEYS = {"format", "version", "kind", "data", "problem", "point", "findings"}


@final
@dataclass(frozen=True, eq=False)
class Document:
    """A certificate with the problem and the point that it is about, but without the data.

    Parameters
    ----------
    kind : {"table", "audit", "measurements", "tensor", "filled", "cp", "region", "stability"}
        What the data are.
    data : str
        Fingerprint of the data.
    problem : mapping
        Settings: ranks, penalties, losses.
    point : mapping of str to ndarray
        Factors, biases, weights of layers; their shapes are those of the arrays.
    certificate : Certificate
    written : mapping of str to str
        By claim, verdicts of the file that a rule of earlier versions gave and today's does not allow.
    """

    kind: str
    data: str
    problem: Mapping[str, Any]
    point: Mapping[str, NDArray[Any]]
    certificate: Certificate
    written: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the document as JSON text."""
        findings = self.certificate.as_dict()["findings"]
        for finding in findings:
            del finding["seconds"]  # nobody can derive them again
        plain = {
            "format": FORMAT,
            "version": VERSION,
            "kind": self.kind,
            "data": self.data,
            "problem": dict(self.problem),
            "point": {name: plain_value(np.asarray(array)) for name, array in self.point.items()},
            "findings": findings,
        }
        return json.dumps(plain, allow_nan=False)

    def readings(self) -> Iterator[Document]:
        """Yield what today's rule may say of findings that an earlier one decided to working precision.

        First that they are proofs, for the case that all rounding can be bounded here; then, without that,
        the weaker verdicts, by themselves and with the phrase that today's judges would add.

        Yields
        ------
        Document
        """
        if self.written:
            yield self._decided(is_bounded=True)
        yield self
        if self.written:
            yield self._decided(is_bounded=False)

    def _decided(self, *, is_bounded: bool) -> Document:
        """Return the document with the written verdicts, or with what is left of them."""
        findings = []
        for finding in self.certificate:
            reason = finding.reason or read_sentence(finding.method)
            if finding.claim in self.written and reason:
                verdict = Verdict(self.written[finding.claim])
                proof = replace(finding, verdict=verdict, rigour=Rigour.RIGOROUS, reason=reason, method="")
                finding = where_bounded(proof, is_bounded)
            findings.append(finding)
        return replace(self, certificate=replace(self.certificate, findings=tuple(findings)))

    @classmethod
    def from_json(cls, text: str, what: str = "this") -> Document:
        """Read what `to_json` wrote; `what` names it in errors.

        Raises
        ------
        FileFormatError
            If it is no such document, is from a newer version, or holds anything that is not read.
        """
        plain = _checked(parse(text, what), what)
        findings: list[Any] = plain["findings"]
        written: dict[str, str] = {}
        if plain["version"] <= UNCODED:
            findings = with_reasons(findings)
        if plain["version"] <= UNBOUNDED:
            findings, written = by_todays_rule(findings)
        certificate = Certificate.from_plain(findings, "", what)
        claims = [finding.claim for finding in certificate]
        if len(set(claims)) < len(claims):
            raise FileFormatError(f"{what} lists a claim twice", ", ".join(sorted(claims)))
        point = {
            name: _array(values, f"{what} holds an array {name}") for name, values in plain["point"].items()
        }
        return cls(plain["kind"], plain["data"], plain["problem"], point, certificate, written)


def _checked(plain: Any, what: str) -> dict[str, Any]:
    """Return JSON data with the right keys, from this version."""
    form = plain.get("format") if isinstance(plain, dict) else type(plain).__name__
    if form != FORMAT:
        raise FileFormatError(f"{what} is not a certificate", ascii(form)[:60])
    version = plain.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FileFormatError(f"{what} has no version", repr(version))
    if version > VERSION:
        raise FileFormatError(
            f"{what} is from a newer lowland",
            f"version {version}; this version reads up to {VERSION}",
            fix="update lowland",
        )
    if version < UNCODED:
        raise FileFormatError(
            f"{what} is from an older lowland, whose certificates hold too little to be derived again",
            f"version {version}",
            fix="certify the model again",
        )
    if set(plain) != KEYS:
        raise FileFormatError(f"{what} has wrong keys", ", ".join(sorted(map(ascii, set(plain) ^ KEYS))))
    if plain["kind"] not in KINDS or not isinstance(plain["data"], str):
        raise FileFormatError(f"{what} is about unknown data", ascii(plain["kind"])[:60])
    for name, kind in (("problem", dict), ("point", dict), ("findings", list)):
        if not isinstance(plain[name], kind):
            raise FileFormatError(f"{what} has no {name}", type(plain[name]).__name__)
    if version <= UNBOUNDED and plain["problem"].get("dtype") == "float32":
        raise FileFormatError(
            f"{what} is from an older lowland, which bounded rounding in the fit's precision, single",
            f"version {version}",
            fix="certify the model again",
        )
    return dict(plain)


def _array(values: Any, what: str) -> NDArray[Any]:
    if isinstance(values, dict):
        if set(values) != {"real", "imag"}:
            raise FileFormatError(f"{what} that cannot be read", ", ".join(sorted(map(str, values))))
        real, imag = (_array(values[part], what) for part in ("real", "imag"))
        if real.shape != imag.shape:
            raise FileFormatError(f"{what} whose parts differ in shape", f"{real.shape} and {imag.shape}")
        return np.asarray(real + 1j * imag)
    array: NDArray[Any] = number_array(values, what).astype(np.float64)
    if not np.isfinite(array).all():
        raise FileFormatError(f"{what} with numbers that are not finite", "inf or nan")
    return array


@final
class Settings:
    """The settings of a document, read one by one; any that is left is an error.

    Parameters
    ----------
    given : mapping
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given: dict[str, Any] = dict(given)

    def number(self, name: str, *, least: float = 0.0) -> float:
        """Return a finite number of at least `least`."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unreadable(name, value)
        if not least <= value <= float(np.finfo(float).max):
            raise _unreadable(name, value)
        return float(value)

    def whole(self, name: str) -> int:
        """Return a whole number of at least 1."""
        value = self._take(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _unreadable(name, value)
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            raise _unreadable(name, value)
        return value

    def word(self, name: str, known: tuple[str, ...]) -> str:
        """Return one of some words."""
        value = self._take(name)
        if not isinstance(value, str) or value not in known:
            raise _unreadable(name, value)
        return value

    def words(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return some of some words, in their order."""
        value = self._take(name)
        if not isinstance(value, list) or value != [word for word in known if word in value]:
            raise _unreadable(name, value)
        return tuple(value)

    def array(self, name: str, length: int | None = None) -> NDArray[np.float64]:
        """Return a vector of finite numbers."""
        value = _array(self._take(name), f"the certificate holds settings {name}")
        if value.ndim != 1 or length not in (None, value.size) or np.iscomplexobj(value):
            raise _unreadable(name, f"shape {value.shape}")
        return value

    def maybe(self, name: str) -> Any:
        """Return anything, for further reading."""
        return self._take(name)

    def close(self) -> None:
        """Raise if there is a setting that was not read."""
        if self.given:
            names = ", ".join(sorted(map(ascii, self.given)))
            raise FileFormatError("the certificate has unknown settings", names)

    def _take(self, name: str) -> Any:
        if name not in self.given:
            raise FileFormatError("the certificate lacks a setting", name)
        return self.given.pop(name)


def _unreadable(name: str, value: Any) -> FileFormatError:
    return FileFormatError(f"the certificate has a setting {name} that cannot be used", ascii(value)[:60])


def take_point(document: Document, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Return the arrays of a point in order.

    Raises
    ------
    FileFormatError
        If some are missing, or there are others.
    """
    wrong = set(names) ^ set(document.point)
    if wrong:
        raise FileFormatError("the certificate's point has wrong parts", ", ".join(sorted(map(ascii, wrong))))
    return [document.point[name] for name in names]
