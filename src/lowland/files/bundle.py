"""Arrays with a JSON header in one NPZ file: the format of models and checkpoints.

The header gives the kind of file and its format version, and is checked before anything else
is read. Nothing in such a file is executed.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.atomic import write_whole
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.arrays import load_npz

FORMAT_VERSION = 1
# how the comment of an archive begins, by which its own files are recognised
MARK = b"lowland "


def save_bundle(
    path: str | os.PathLike[str], kind: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays and a header atomically.

    Parameters
    ----------
    path : path
    kind : str
        "model" or "checkpoint".
    header : mapping
        Data that JSON can hold.
    arrays : mapping of str to ndarray
        Numbers or text, no objects.
    """
    from importlib.metadata import version

    full = {**header, "kind": kind, "format": FORMAT_VERSION, "lowland": version("lowland")}
    text = np.frombuffer(json.dumps(full).encode(), dtype=np.uint8)

    save_arrays(path, {"header": text, **{f"array_{name}": array for name, array in arrays.items()}})


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays to an NPZ file atomically, with a comment by which lowland knows it again."""
    from importlib.metadata import version

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            archive.comment = MARK + version("lowland").encode()
            for name, array in arrays.items():
                # numbers of a fit do not get smaller; whole numbers, such as positions of cells, do
                whole = array.dtype.kind in "iu" and name != "header"
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED if whole else zipfile.ZIP_STORED
                with archive.open(entry, "w", force_zip64=True) as part:
                    np.lib.format.write_array(part, np.asanyarray(array), allow_pickle=False)

    write_whole(path, write)


def load_contents(
    folder: Path, name: str, kind: str, made_by: str
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the contents of a folder, as `load_bundle`.

    Parameters
    ----------
    folder : Path
    name : str
        Of the file that says what the folder holds.
    kind : str
        What it should hold.
    made_by : str
        What makes such a folder.

    Raises
    ------
    InvalidInputError
        If it holds no such thing.
    """
    if not (folder / name).is_file():
        raise InvalidInputError(f"{folder} holds no {kind}", f"no file {name}", fix=made_by)
    return load_bundle(folder / name, kind)


def load_bundle(
    path: str | os.PathLike[str], kind: str, *, without: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `save_bundle` wrote.

    Parameters
    ----------
    path : path
    kind : str
        What the file should be.
    without : collection of str
        Arrays whose names begin so are not read.

    Returns
    -------
    dict, dict of str to ndarray
        Header and arrays.

    Raises
    ------
    InvalidInputError
        If the file cannot be opened.
    FileFormatError
        If it is truncated, of another kind, from a newer version, or not written by lowland.
    """
    left = [f"array_{prefix}" for prefix in without]
    stored = load_npz(Path(path), without=left, fix=f"name a {kind} that lowland wrote")
    try:
        header = json.loads(bytes(stored.pop("header")).decode())
        stored_kind, version = str(header["kind"]), int(header["format"])
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FileFormatError(
            f"{path} is not a lowland file", "no header", fix=f"pass a {kind} written by lowland"
        ) from error
    if version < 1 or not isinstance(header, dict):
        raise FileFormatError(
            f"{path} is not a lowland file", f"format {version}", fix=f"pass a {kind} written by lowland"
        )
    if version > FORMAT_VERSION:
        raise FileFormatError(
            f"{path} is from a newer lowland",
            f"format {version} (lowland {header.get('lowland')}); this version reads up to {FORMAT_VERSION}",
            fix="update lowland",
        )
    if stored_kind != kind:
        raise FileFormatError(f"{path} is a {stored_kind}, not a {kind}", stored_kind, fix=f"pass a {kind}")
    return header, {name.removeprefix("array_"): array for name, array in stored.items()}
