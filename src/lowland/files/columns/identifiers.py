"""Columns that name things by numbers, such as customers or places: they are no quantities.

What decides is how the numbers are written, what the column is called, and, of a first column without gaps,
whether its numbers count its lines or are all different and equally long. A number that names a thing is
nothing to be filled in: its gaps stay.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lowland.files.evidence import Profile

# digits of whole numbers that are names: as many as those of doubles end
LONG = 16
# beyond which whole numbers are quantities of another scale
LONGEST = 1e40
# digits of names in a first column that are equally long
EQUALLY_LONG = 5
# numbers that name wherever they stand, repeated or not
_NAMES = """
id ids uuid guid zip zipcode postcode postalcode plz phone phonenumber telephone tel mobile fax isbn issn ean
upc gtin ssn iban bic vin doi orcid ip ipaddress fips siret siren nif
"""
NAMES = frozenset(_NAMES.split())
# words that end the name of what is numbered: "order no", "customer_id", "accountNumber"
_ENDINGS = "id|ids|uuid|key|code|nr|no|num|number"
_THINGS = (
    "account|address|article|barcode|booking|case|client|contract|customer|device|document|employee|file|"
    "household|invoice|item|member|movie|order|parcel|passenger|patient|participant|personnel|policy|product|"
    "receipt|record|respondent|sample|serial|session|song|staff|station|store|student|subject|supplier|ticket|"
    "track|transaction|tweet|user|vendor|visit|visitor|worker"
)
_THING_BY_NUMBER = re.compile(rf"({_THINGS})s?({_ENDINGS})")
# what is measured or counted, in numbers that may be equally long
_QUANTITIES = """
population pop price prices cost costs income salary wage revenue sales turnover profit amount value values
budget gdp area size distance height elevation altitude weight mass count counts total sum score points year
date time pressure voltage frequency power energy inhabitants einwohner preis umsatz gehalt
"""
QUANTITIES = frozenset(_QUANTITIES.split())
# "customer_id", "customer id" and "customerId", never "paid" or "acid"
_ENDS_IN_ID = re.compile(r"(.*[\W_]|.*[a-z](?=ID?[Dd]$)|)(id|ID|Id|uuid|UUID)")


def is_named_identifier(name: str) -> bool:
    """Return whether the name of a column says that it names things."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    return (
        plain in NAMES
        or _THING_BY_NUMBER.fullmatch(plain) is not None
        or _ENDS_IN_ID.fullmatch(name.strip()) is not None
    )


def identifier(name: str, column: Profile, *, first: bool) -> str:
    """Return why a column of whole numbers holds identifiers, in a few words; "" if it holds quantities.

    Parameters
    ----------
    name : str
    column : Profile
    first : bool
        Whether it is the first column of its table.
    """
    if not column.codes.size:
        return ""
    if column.padded:
        return "" if column.gaps else "leading zeros"
    if column.kind != "whole" or column.numbers is None:
        return ""
    numbers = np.abs(column.numbers.astype(float))
    if 10.0 ** (LONG - 1) <= np.nanmax(numbers) < LONGEST:
        return f"whole numbers of {LONG} digits or more"
    if is_named_identifier(name):
        return "by its name"
    written_whole = column.numbers.dtype.kind in "iu"  # 4, not 4.0
    told = first and written_whole and column.is_distinct and column.codes.size >= 3
    if column.gaps or not told or _is_quantity(name, numbers):
        return ""
    steps = np.diff(column.numbers)
    if (steps == 1).all() or (steps == -1).all():
        return "they count the lines"
    if numbers.min() >= 10 ** (EQUALLY_LONG - 1) and np.unique(np.floor(np.log10(numbers))).size == 1:
        return "all different and equally long"
    return ""


def _is_quantity(name: str, numbers: NDArray[np.float64]) -> bool:
    """Return whether numbers measure or count something: by the column's name, or because most are round."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    return bool(QUANTITIES & set(re.split(r"[\W_\d]+", words))) or bool((numbers % 10 == 0).mean() > 0.5)
