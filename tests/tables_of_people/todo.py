"""What is not right yet, by the names of entries: their tests must fail, until the line here is taken out."""

# what `lowland complete` makes of a file
FILES = {
    # text files
    "cp1251": "the message does not guess it",
    "Latin 2": "read as cp1252 without a word",
    "Shift JIS": "read as cp1252 without a word",
    "lines of commas at the end": "refused: an empty label",
    "R's write.table": "refused: a single column",
    "a preamble of the World Bank": "refused: irregular lines",
    "a preamble, skipped": "no such option yet",
    "a source below": "refused: irregular lines",
    "a row of units": "refused: an empty label",
    # numbers
    "thousands by narrow spaces": "refused as text",
    "whole thousands by points alone": "the message names no option as it is typed",
    "letters of a currency": "refused: text",
    "rupees in lakhs": "refused: text",
    "losses in brackets": "refused as text",
    "exponents of Fortran": "refused: text",
    "units": "refused: text",
    "units without a space": "refused: text",
    "degrees": "refused: text",
    "bounds of a detector": "refused as text, and the message names no option that helps",
    "bounds on both sides": "refused as text, and the message names no option that helps",
    "marks of notes": "refused as text",
    "marks of estimates": "refused as text",
    # marks of missing cells
    "-999": "the message names no option as it is typed",
    "9999 among years' rain": "the message names no option as it is typed",
    "a word of its own": "the message names no option",
    "not available": "the message names no option",
    "ND of a laboratory": "the message names no option",
    "an asterisk": "the message names no option",
}

# what a fit of the data frame makes of it, where the file is right
FRAMES = {}
