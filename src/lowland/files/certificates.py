"""Certificate files: the findings, the point that they are about, and the fingerprint of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.atomic import write_whole
from lowland.core.errors import FileFormatError
from lowland.core.findings import Certificate

FORMAT, VERSION = "lowland certificate", 1


@final
@dataclass(frozen=True, eq=False)
class CertificateDocument:
    """A certificate with everything needed to recheck it.

    Parameters
    ----------
    certificate : Certificate
    data : str
        Fingerprint of the table.
    settings : mapping
        Penalty and whether biases are free.
    point : mapping of str to ndarray
        Factors, biases and offset.
    """

    certificate: Certificate
    data: str
    settings: Mapping[str, Any]
    point: Mapping[str, NDArray[Any]]


def write_certificate(path: str | PathLike[str], document: CertificateDocument) -> None:
    """Write a document as JSON, atomically."""
    plain = {
        "format": FORMAT,
        "version": VERSION,
        "data": document.data,
        "settings": dict(document.settings),
        "point": {name: np.asarray(array, dtype=float).tolist() for name, array in document.point.items()},
        "certificate": document.certificate.as_dict(),
    }
    text = json.dumps(plain, allow_nan=False).encode("utf-8")

    def write(stream: IO[bytes]) -> None:
        stream.write(text)

    write_whole(Path(path), write)


def read_certificate(path: str | PathLike[str]) -> CertificateDocument:
    """Read a document.

    Raises
    ------
    FileFormatError
        If the file is not such a document, or is from a newer version.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise FileFormatError(f"{path} is not a certificate", repr(plain["format"]))
        if plain["version"] > VERSION:
            raise FileFormatError(
                f"{path} is from a newer lowland",
                f"version {plain['version']}; this version reads up to {VERSION}",
                fix="update lowland",
            )
        certificate = Certificate.from_json(json.dumps(plain["certificate"]))
        point = {name: np.asarray(values, dtype=float) for name, values in plain["point"].items()}
        document = CertificateDocument(certificate, str(plain["data"]), dict(plain["settings"]), point)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read", error.strerror or str(error)) from error
    except FileFormatError:
        raise
    except KeyError as error:
        raise FileFormatError(f"{path} is not a certificate", f"no {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} is not a certificate", str(error)) from error
    _check(path, document)
    return document


def _check(path: str | PathLike[str], document: CertificateDocument) -> None:
    """Raise unless each claim is judged once and all numbers of the point are finite."""
    claims = [finding.claim for finding in document.certificate]
    if len(set(claims)) < len(claims):
        raise FileFormatError(f"{path} lists a claim twice", ", ".join(sorted(claims)))
    for name, array in document.point.items():
        if not np.isfinite(array).all():
            raise FileFormatError(f"{path} holds numbers that are not finite", name)
