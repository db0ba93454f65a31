"""Several text files of the same columns as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowland.core.memory import check_fits
from lowland.files.sources import Opened, check_same_columns
from lowland.files.table_format import TableFormat
from lowland.files.text.encodings import decode
from lowland.files.text.records import lines_of
from lowland.files.text.surroundings import shown_lines
from lowland.files.text.text_layout import find_text_layout

# memory that texts take on the way, in bytes of the files
PER_BYTE = 6.0


def join_texts(name: str, parts: Sequence[Opened], form: TableFormat) -> Opened:
    """Return text files as one: all of the first, and of the others what stands below their header.

    Parameters
    ----------
    name : str
        Of all of them.
    parts : sequence of Opened
    form : TableFormat
        What a person says about all of them; the delimiter and the header are found in the first.

    Raises
    ------
    InvalidInputError
        If their columns differ.
    """
    check_fits(PER_BYTE * sum(part.size for part in parts), f"reading {name}")
    first = find_text_layout(parts[0], form)
    texts: list[str] = []
    notes: list[str] = []
    alike = replace(form, delimiter=first.delimiter, header=bool(first.heading.records))
    for part in parts:
        layout = find_text_layout(part, alike)
        check_same_columns((parts[0].name, first.names), (part.name, layout.names), ordered=True)
        with part.stream() as file:
            text = decode(file.read(), layout.encoding, part.name)
        if part is not parts[-1]:
            text = text[: len(text) - sum(map(len, layout.below))]
            notes += layout.below
        kept = text if part is parts[0] else "".join(lines_of(text)[layout.skipped :])
        texts.append(kept if kept.endswith(("\n", "\r")) or not kept else f"{kept}\n")
    data = "".join(texts).encode(form.encoding or "utf-8")
    said = [f"{len(parts)} files read as one table"]
    if notes:
        said.append(f"left out below all but the last file: {shown_lines(notes)}")
    return Opened(name, parts[0].kind, None, data, said=tuple(said))
