"""Tables in JSON: one object per line, or any of the ways in which one text holds a table."""

from __future__ import annotations

import json
from typing import Any

from lowland.core.errors import FileFormatError
from lowland.files.foreign.json_shapes import RECORDS, Records, records_of
from lowland.files.sources import Opened
from lowland.files.text.encodings import decode, find_encoding

JSON = (".json", ".jsonl", ".ndjson")


def read_json(opened: Opened) -> Records:
    """Return the table in a file.

    Raises
    ------
    FileFormatError
        If it is no such JSON.
    """
    with opened.stream() as file:
        data = file.read()
    text = decode(data, find_encoding(data, opened.name), opened.name)
    try:
        content = _content(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{opened.name} is not JSON of records", str(error), fix=RECORDS) from error
    return records_of(content, opened.name)


def _content(text: str) -> Any:
    """Return what a text holds: of objects on lines of their own, a list of them."""
    if text.lstrip()[:1] == "[":
        return json.loads(text)
    try:
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return json.loads(text)
    if len(objects) == 1 and isinstance(objects[0], dict):
        (one,) = objects
        return one if any(isinstance(cell, dict | list) for cell in one.values()) else objects
    return objects
