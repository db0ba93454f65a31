"""Records in JSON: one object per line, or one list of objects."""

from __future__ import annotations

import json
from typing import Any

from lowland.core.errors import FileFormatError
from lowland.files.sources import Opened
from lowland.files.text.encodings import decode, find_encoding

JSON = (".json", ".jsonl", ".ndjson")


def json_lines(opened: Opened) -> list[dict[str, Any]]:
    """Return the records of a file.

    Raises
    ------
    FileFormatError
        If it is no such JSON.
    """
    with opened.stream() as file:
        data = file.read()
    text = decode(data, find_encoding(data, opened.name), opened.name)
    return _records(text, opened.name)


def _records(text: str, where: str) -> list[dict[str, Any]]:
    start = text.lstrip()[:1]
    try:
        records = json.loads(text) if start == "[" else _lines(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"{where} is not JSON of records",
            str(error),
            fix="write one object per line, or one list of objects",
        ) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise FileFormatError(
            f"{where} is not JSON of records",
            f"a {type(records).__name__}"
            if not isinstance(records, list)
            else "a list of other things than objects",
            fix="write one object per line, or one list of objects",
        )
    for record in records:
        for name, cell in record.items():
            if isinstance(cell, dict | list):
                raise FileFormatError(
                    f"{where} holds a {type(cell).__name__} where a number or text is needed",
                    f"under {name!r}",
                    fix="flatten the records",
                )
    if not records:
        raise FileFormatError(f"{where} is empty", "no record", fix="pass a table with data")
    return records


def _lines(text: str) -> Any:
    """Return one object per line, or, of one object over several lines, that object."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        whole = json.loads(text)
        raise ValueError(f"one {type(whole).__name__}, not a list of records") from None
