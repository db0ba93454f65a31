"""Tables in JSON: one object per line, or any of the ways in which one text holds a table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, final

from lowland.core.errors import FileFormatError
from lowland.files.foreign.json_shapes import RECORDS, Records, records_of
from lowland.files.sources import Opened
from lowland.files.text.encodings import decode, find_encoding

JSON = (".json", ".jsonl", ".ndjson")
# the first line below the first bracket
_INDENTED = re.compile(r"\s*[\[{]\s*?\r?\n([ \t]*)")


@final
@dataclass(frozen=True, eq=False)
class Document:
    """What a text of JSON holds, and how it is written.

    Parameters
    ----------
    content : value
    records : Records
        Its table.
    by_line : bool
        Whether each object has a line of its own.
    indent : str or None
        Before what is one level deeper; None of a text on one line.
    is_spaced : bool
        Whether blanks follow colons.
    is_ascii : bool
    """

    content: Any
    records: Records
    by_line: bool = False
    indent: str | None = None
    is_spaced: bool = True
    is_ascii: bool = False

    def text(self) -> str:
        """Return the content as text."""
        if self.by_line:
            return "".join(self._dumps(one, None) + "\n" for one in self.content)
        return self._dumps(self.content, self.indent) + "\n" * (self.indent is not None)

    def _dumps(self, content: Any, indent: str | None) -> str:
        spaced = ("," if indent is not None else ", ", ": ")
        separators = spaced if self.is_spaced else (",", ":")
        return json.dumps(
            content, ensure_ascii=self.is_ascii, indent=indent, separators=separators, default=str
        )


def read_document(opened: Opened) -> Document:
    """Return what a file holds.

    Raises
    ------
    FileFormatError
        If it is no JSON of a table.
    """
    with opened.stream() as file:
        data = file.read()
    text = decode(data, find_encoding(data, opened.name), opened.name)
    try:
        content, by_line = _content(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{opened.name} is not JSON of records", str(error), fix=RECORDS) from error
    inner = _INDENTED.match(text)
    return Document(
        content,
        records_of(content, opened.name),
        by_line,
        inner[1] if inner is not None else None,
        '": ' in text,
        text.isascii(),
    )


def read_json(opened: Opened) -> Records:
    """Return the table in a file.

    Raises
    ------
    FileFormatError
        If it is no such JSON.
    """
    return read_document(opened).records


def _content(text: str) -> tuple[Any, bool]:
    """Return what a text holds, of objects on lines of their own a list, and whether it does."""
    if text.lstrip()[:1] == "[":
        return json.loads(text), False
    try:
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        return json.loads(text), False
    if len(objects) == 1 and isinstance(objects[0], dict):
        (one,) = objects
        is_whole = any(isinstance(cell, dict | list) for cell in one.values())
        return (one, False) if is_whole else (objects, True)
    return objects, True
