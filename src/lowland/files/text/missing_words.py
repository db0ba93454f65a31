"""Whether NA means missing among the words of a text file."""

from __future__ import annotations

import re
from collections.abc import Collection

from lowland.files.columns.marks import NA, na_among_words, with_marks
from lowland.files.numerals import EITHER_MARK, MISSING
from lowland.files.sources import Opened
from lowland.files.table_format import TableFormat
from lowland.files.text.delimited import text_delimiter
from lowland.files.text.records import lines_of
from lowland.files.text.text_layout import HEAD, TextLayout, as_plain_text

# what programs that quote words write without quotation marks
_UNQUOTED = frozenset(("TRUE", "FALSE", "T", "F", *MISSING))


def with_marks_of_text(
    opened: Opened, layout: TextLayout, form: TableFormat, labels: Collection[str]
) -> tuple[TableFormat, tuple[str, ...]]:
    """Return what is said about cells, with NA as a mark among words if the text shows it, and that in words.

    Parameters
    ----------
    opened : Opened
    layout : TextLayout
    form : TableFormat
    labels : collection of str
        Columns of labels.
    """
    texts = {
        name: {record[k] for record in layout.sample if k < len(record)}
        for k, name in enumerate(layout.names)
        if name not in labels and name not in layout.blank
    }
    if not na_among_words(texts, bare=True):  # no NA beside words
        return form, ()
    head = as_plain_text(opened, layout).head(HEAD).decode("utf-8", errors="replace")
    below = "".join(lines_of(head)[layout.skipped :])
    return with_marks(form, na_among_words(texts, bare=stands_bare(below, text_delimiter(layout))))


def stands_bare(text: str, delimiter: str) -> bool:
    """Return whether NA stands without quotation marks in a text all of whose words are quoted."""
    if '"' not in text:
        return False
    mark = re.escape(delimiter)
    bare = False
    for field in re.findall(rf'(?:^|[{mark}\r\n])[ ]*("(?:[^"]|"")*"|[^{mark}"\r\n]*)', text):
        cell = field.strip()
        bare = bare or cell == NA
        if cell[:1] == '"' or cell in _UNQUOTED:
            continue
        if all(one.number(cell) is None for one in EITHER_MARK):
            return False
    return bare
