"""Files of statistics programs: Stata, SPSS and SAS through pyreadstat, R through rdata."""

from __future__ import annotations

import importlib
import io
import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.damage import reading
from lowland.core.errors import FileFormatError, InvalidInputError, MissingExtraError
from lowland.core.memory import check_fits
from lowland.core.wording import Option, Words
from lowland.files.foreign.columnar import need_arrow, reading_arrow
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat

# by ending, the function of pyreadstat that reads such a file
_READERS = {
    ".dta": "read_dta",
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}
# kinds of files in which no value can be declared missing, or whose reader does not tell
_WITHOUT_CODES = (".por", ".xpt")
R_FILES = (".rds", ".rdata", ".rda")
STATISTICS = (*_READERS, *R_FILES)
# where an Arrow table keeps the labels of values and columns, to be written back
ABOUT = b"statistics"
# below which doubles hold all whole numbers
EXACT = 2.0**53
# memory that the values of a file take as Python objects, in bytes of the file
PER_BYTE = 8.0


@final
@dataclass(frozen=True, eq=False)
class Statistics:
    """A table of a statistics program.

    Parameters
    ----------
    table : pyarrow.Table
        Numbers that have a label each are the words of these; missing values of all kinds are null.
    labelled : frozenset of str
        Columns of such words.
    decided : tuple of str
        What was found out, in a few words each.
    """

    table: Any
    labelled: frozenset[str] = frozenset()
    decided: tuple[str, ...] = ()


def read_statistics(opened: Opened, form: TableFormat) -> Statistics:
    """Return the table in a file.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or holds several tables and `form` names none.
    MissingExtraError
        If pyreadstat or rdata is not installed.
    """
    check_fits(PER_BYTE * opened.size, f"reading {opened.name}")
    if opened.kind in R_FILES:
        return _read_r(opened, form.sheet)
    return _read_labelled(opened, form.encoding)


def need_pyreadstat(ending: str) -> Any:
    """Return the package that reads and writes files of Stata and SPSS.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return _need("pyreadstat", ending)


def _need(package: str, ending: str) -> Any:
    """Return a package of the extra."""
    try:
        made = importlib.import_module(package)
    except ImportError as error:
        raise MissingExtraError(
            f"{ending} files need an optional package",
            f"{package} is not installed",
            fix="pip install 'lowland[statistics]', or save the table as CSV",
        ) from error
    need_arrow(ending)
    return made


def _read_labelled(opened: Opened, encoding: str | None) -> Statistics:
    """Return a table of Stata, SPSS or SAS."""
    pyreadstat = need_pyreadstat(opened.kind)
    import pyarrow as pa

    read = getattr(pyreadstat, _READERS[opened.kind])
    options: dict[str, Any] = {} if encoding is None else {"encoding": encoding}
    if opened.kind not in _WITHOUT_CODES:
        options["user_missing"] = True
    with opened.stream() as file:
        data = file.read()
    with reading(opened.name, f"{opened.kind} file"):
        try:
            columns, about = read(io.BytesIO(data), output_format="dict", **options)
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
            raise FileFormatError(
                f"{opened.name} is not a valid {opened.kind} file", str(error).strip(), fix=_fix(str(error))
            ) from error
    if not columns or not next(iter(columns.values())):
        raise FileFormatError(f"{opened.name} is empty", "no row", fix="pass a table with data")
    labels = {name: held for name, held in about.variable_value_labels.items() if name in columns}
    made, labelled, partly, missing = {}, set(), [], {}
    for name, held in columns.items():
        ranges, codes = about.missing_ranges.get(name, ()), about.missing_user_values.get(name, ())
        lost = {k: cell for k, cell in enumerate(held) if _is_declared(cell, ranges, codes)}
        cells = [None if k in lost else cell for k, cell in enumerate(held)] if lost else held
        if ranges or codes:
            missing[name] = {"ranges": list(ranges), "codes": list(codes), "cells": list(lost.items())}
        words = _words(cells, labels.get(name, {}))
        if words is not None:
            labelled.add(name)
        elif labels.get(name) and any(cell in labels[name] for cell in cells):
            partly.append(name)
        made[name] = pa.array(_whole(cells) if words is None else words)
    said = ["words of value labels: " + ", ".join(map(repr, sorted(labelled)))] if labelled else []
    if any(held["cells"] for held in missing.values()):
        shown = (f"{name!r} ({len(held['cells'])})" for name, held in missing.items() if held["cells"])
        said.append(f"cells that the file declares missing: {', '.join(shown)} (--as-is keeps a column)")
    if partly:
        said.append("numbers, as some lack a label of their own: " + ", ".join(map(repr, partly)))
    titles = {name: title for name, title in zip(columns, about.column_labels, strict=True) if title}
    pairs = {name: list(held.items()) for name, held in labels.items()}
    told = {
        "labels": pairs,
        "titles": titles,
        "kinds": about.readstat_variable_types if opened.kind == ".dta" else {},
        "formats": {opened.kind.replace("z", ""): about.original_variable_types},
        "measures": about.variable_measure,
        "widths": about.variable_display_width,
        "title": about.file_label,
        "notes": about.notes,
        "missing": missing,
    }
    kept = {ABOUT: json.dumps(told, default=str).encode()}
    return Statistics(pa.table(made).replace_schema_metadata(kept), frozenset(labelled), tuple(said))


def _fix(reason: str) -> Words:
    coded = "encoding" in reason or "codec" in reason
    return Words("name its encoding: ", Option("encoding", "cp1252")) if coded else Words("check the file")


def _is_declared(cell: Any, ranges: Sequence[Mapping[str, Any]], codes: Sequence[Any]) -> bool:
    """Return whether a cell holds what stands for a missing one: in a range of SPSS, or a code."""
    if cell is None or not (ranges or codes):
        return False
    text = isinstance(cell, str)
    within = (one["lo"] <= cell <= one["hi"] for one in ranges if isinstance(one["lo"], str) == text)
    return cell in codes or any(within)


def _words(cells: Sequence[Any], labels: Mapping[Any, str]) -> list[str | None] | None:
    """Return the labels of cells, if each that holds something has one of its own; else None."""
    known = {cell for cell in cells if cell not in (None, "")}
    uses = Counter(map(str, labels.values()))
    if not known or not known <= set(labels) or any(uses[str(labels[one])] > 1 for one in known):
        return None
    return [None if cell in (None, "") else str(labels[cell]) for cell in cells]


def _whole(cells: Sequence[Any]) -> Sequence[Any]:
    """Return numbers as whole ones if all are: most of these programs hold all numbers as floats."""
    numbers = [cell for cell in cells if cell is not None]
    if numbers and all(type(x) is float and x.is_integer() and abs(x) < EXACT for x in numbers):
        return [None if cell is None else int(cell) for cell in cells]
    return cells


def _read_r(opened: Opened, asked: str | None) -> Statistics:
    """Return a data frame or matrix of R."""
    rdata = _need("rdata", opened.kind)
    import pyarrow as pa

    with opened.stream() as file:
        data = file.read()
    with reading(opened.name, f"{opened.kind} file"), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of classes that it does not know, which are data frames all the same
        made = {**rdata.conversion.DEFAULT_CLASS_MAP, **_CLASSES}
        try:
            held = rdata.conversion.convert(rdata.parser.parse_data(data), constructor_dict=made)
        except NotImplementedError as error:
            raise InvalidInputError(
                f"{opened.name} holds objects of R that cannot be read here",
                str(error),
                fix="save a data frame alone by saveRDS, or as CSV",
            ) from error
    named = held if opened.kind != ".rds" and isinstance(held, dict) else {"": held}
    frames = {str(name): frame for name, one in named.items() if (frame := _as_frame(one)) is not None}
    if asked is not None and opened.kind != ".rds" and asked not in frames:
        raise InvalidInputError(f"{opened.name} has no table {asked!r}", f"tables {', '.join(frames)}")
    if asked is not None and asked in frames:
        frames = {asked: frames[asked]}
    if len(frames) != 1:
        other = type(next(iter(named.values()), None)).__name__
        found = f"tables {', '.join(frames)}" if frames else f"a {other}"
        raise InvalidInputError(
            f"{opened.name} holds {'several tables' if frames else 'no data frame or matrix'}",
            found,
            fix=Words("name one of them: ", Option("sheet", *list(frames)[:3]))
            if frames
            else "save a data frame by saveRDS",
        )
    (frame,) = frames.values()
    with reading_arrow(opened.name), reading(opened.name, f"{opened.kind} file"):
        return Statistics(pa.Table.from_pandas(frame))


def _days(numbers: Any, attributes: Mapping[str, Any]) -> Any:
    """Return dates of R: days since 1970."""
    import pandas as pd

    return pd.Series(pd.to_datetime(np.ma.filled(np.floor(numbers), np.nan), unit="D")).dt.date.to_numpy()


def _seconds(numbers: Any, attributes: Mapping[str, Any]) -> Any:
    """Return times of R: seconds since 1970."""
    import pandas as pd

    return pd.to_datetime(np.ma.filled(np.ma.asarray(numbers, float), np.nan), unit="s").to_numpy()


def _long_whole(numbers: Any, attributes: Mapping[str, Any]) -> Any:
    """Return whole numbers of 64 bits, which the package bit64 keeps in the bits of doubles."""
    import pandas as pd

    whole = np.ascontiguousarray(numbers, float).view(np.int64)
    return pd.array(np.ma.masked_equal(whole, np.iinfo(np.int64).min).tolist(), dtype="Int64")


# what becomes of objects of R by their class, besides what rdata knows
_CLASSES = {"Date": _days, "POSIXct": _seconds, "integer64": _long_whole}


def _as_frame(held: Any) -> Any:
    """Return a data frame or matrix of R as a frame of pandas, rows that are only numbered without names."""
    import pandas as pd

    if getattr(held, "ndim", 0) != 2 or not all(held.shape):
        return None
    frame = held if isinstance(held, pd.DataFrame) else None
    if frame is None:
        named = getattr(held, "to_pandas", None)
        frame = pd.DataFrame(held, columns=range(1, held.shape[1] + 1)) if named is None else named()
    frame = frame.rename(columns=str).rename_axis(index=None, columns=None)
    counted = [str(one) for one in frame.index] in (
        [str(k) for k in range(len(frame))],
        [str(k + 1) for k in range(len(frame))],
    )
    return frame.reset_index(drop=True) if counted else frame
