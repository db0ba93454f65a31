"""The table of tables: all entries, by what they are about."""

from tables_of_people import (
    columnar,
    containers,
    dates,
    identifying,
    marks,
    numerals,
    records,
    shapes,
    sheets,
    summed,
    text_files,
    wording,
)

ENTRIES = (
    *text_files.ENTRIES,
    *numerals.ENTRIES,
    *marks.ENTRIES,
    *identifying.ENTRIES,
    *wording.ENTRIES,
    *dates.ENTRIES,
    *sheets.ENTRIES,
    *columnar.ENTRIES,
    *records.ENTRIES,
    *containers.ENTRIES,
    *shapes.ENTRIES,
    *summed.ENTRIES,
)
