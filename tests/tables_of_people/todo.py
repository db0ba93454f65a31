"""What is not right yet, by the names of entries: their tests must fail, until the line here is taken out."""

# what `lowland complete` makes of a file
FILES = {
    # text files
    "Latin 2": "read as cp1252 without a word",
    "Shift JIS": "read as cp1252 without a word",
    # numbers
    # dates
    "yyyymmdd, beside the data": "taken for numbers",
    "Unix seconds, beside the data": "taken for numbers",
    "dd.mm.yyyy that order the lines, first": "not used as order, and nothing is said",
    "mm/dd/yyyy that order the lines, first": "not used as order, and nothing is said",
    "a panel of countries and years": "countries and years are data",
    # workbooks
    "two rows of headers": "refused as text",
    "a row of units in a workbook": "refused: an empty label",
    # names of files
    "text named .parquet": "refused",
    # sums
    "a total below": "a row like others",
    "a column that is the sum of others": "a column like others",
}

# what a fit of the data frame makes of it, where the file is right
FRAMES = {
    "thousands by narrow spaces": "pandas leaves text with decimal commas, which is refused",
    "a word in few lines": "two words are levels, however few they are",
}
