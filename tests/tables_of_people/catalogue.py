"""The table of tables: all entries, by what they are about."""

from tables_of_people import marks, numerals, text_files

ENTRIES = (*text_files.ENTRIES, *numerals.ENTRIES, *marks.ENTRIES)
