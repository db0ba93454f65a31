"""What is not right yet, by the names of entries: their tests must fail, until the line here is taken out."""

# what `lowland complete` makes of a file
FILES = {
    # text files
    "cp1251": "the message does not guess it",
    "Latin 2": "read as cp1252 without a word",
    "Shift JIS": "read as cp1252 without a word",
    # numbers
    "whole thousands by points alone": "the message names no option as it is typed",
    # marks of missing cells
    "-999": "the message names no option as it is typed",
    "9999 among years' rain": "the message names no option as it is typed",
    "a word of its own": "the message names no option",
    "not available": "the message names no option",
    "ND of a laboratory": "the message names no option",
    "an asterisk": "the message names no option",
    # names and words
    "names that repeat": "the message names no option that lets the column through",
    "names that are missing": "the message names no option that lets the column through",
    "codes of words": "01, 02 and 03 are filled by 4",
    "semicolons in free text": "refused, although no header has semicolons",
    # dates
    "yyyymmdd, beside the data": "taken for numbers",
    "Unix seconds, beside the data": "taken for numbers",
    "dd.mm.yyyy that order the lines, first": "not used as order, and nothing is said",
    "mm/dd/yyyy that order the lines, first": "not used as order, and nothing is said",
    "a panel of countries and years": "countries and years are data",
    # workbooks
    "a workbook, completed as text": "the completed text has no header",
    "a workbook without header": "a header of numbers is added",
    "two sheets": "the message names no option",
    "truth values": "filled by numbers",
    "dates of a workbook": "refused: an internal error",
    "dates of a workbook first": "refused: an internal error",
    "numbers as text in a workbook": "known text becomes numbers",
    "two rows of headers": "refused as text",
    "a row of units in a workbook": "refused: an empty label",
    # Parquet
    "Parquet, completed as text": "the completed text has no header",
    "decimals": "refused: an internal error",
    "truth values of Parquet": "known truth values become numbers",
    "moments with a zone": "the completed text has no header",
    # JSON and others
    "JSON records": "the completed text has no header",
    "JSON lines": "the completed text has no header",
    "JSON lines in a .json": "the completed text has no header",
    "JSON records that leave gaps out": "the completed text has no header",
    "JSON of whole numbers": "the completed text has no header",
    "JSON of truth values": "the completed text has no header",
    "JSON of words": "the completed text has no header",
    "JSON of ids as text": "the completed text has no header",
    "JSON of long ids": "the completed text has no header",
    "JSON of columns, pandas' default": "refused",
    "JSON by index": "refused",
    "JSON split": "refused",
    "JSON table": "refused",
    "SQLite, one table": "the message names no option",
    "Stata": "refused",
    # names of files
    "no ending": "refused",
    "a dot in the name": "refused",
    "packed without saying so": "refused",
    "a workbook named .csv": "refused",
    "text named .xls": "refused",
    "text named .xlsx": "refused",
    "text named .parquet": "refused",
    # sums
    "a total below": "a row like others",
    "a column that is the sum of others": "a column like others",
}

# what a fit of the data frame makes of it, where the file is right
FRAMES = {
    "thousands by narrow spaces": "pandas leaves text with decimal commas, which is refused",
    "a word in few lines": "two words are levels, however few they are",
    "truth values without gaps": "numbers in the file, levels in the frame",
}
