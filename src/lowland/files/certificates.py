"""Certificates as documents: the findings, the point they are about, and the fingerprint of the data."""

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
    """A certificate with all that is needed to check it again.

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
    """Write a document as JSON, whole or not at all."""
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
        If the file is no such document, or of a newer version.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise FileFormatError(f"{path} is not a certificate", repr(plain["format"]))
        if plain["version"] > VERSION:
            raise FileFormatError(
                f"{path} is of a newer version",
                f"version {plain['version']}, known up to {VERSION}",
                fix="use a newer lowland",
            )
        return CertificateDocument(
            Certificate.from_json(json.dumps(plain["certificate"])),
            str(plain["data"]),
            dict(plain["settings"]),
            {name: np.asarray(values, dtype=float) for name, values in plain["point"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} is not a certificate", str(error)) from error
