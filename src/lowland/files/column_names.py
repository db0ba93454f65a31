"""What the names of columns say: that they name rows or columns, count lines, tell times, or measure."""

from __future__ import annotations

import re

from lowland.files.beside_numbers import UNITS

_ROWS = """
user customer client reader viewer member patient subject respondent participant person student player who
rater reviewer account visitor sample row i
"""
_COLUMNS = """
item movie film product book article song track artist title isbn gene feature protein probe question variable
course game sku asin what column col j
"""
_VALUES = """
rating score star stars value val v count quantity qty amount expression intensity response measurement plays
grade
"""
ROWS, COLUMNS, VALUES = frozenset(_ROWS.split()), frozenset(_COLUMNS.split()), frozenset(_VALUES.split())
_TIMES = "timestamp time date datetime unixtime ts created createdat ratedat"
TIMES = frozenset(_TIMES.split())
# names of columns that number or name the lines of a wide table
_KEYS = """
id index idx key code no nr number year yr month week day date time timestamp zip row name label rowlabels
country city state region county district station site plot species
"""
KEYS = frozenset(_KEYS.split())
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
# what is measured or counted
_QUANTITIES = """
population pop price prices cost costs income salary wage wages earnings revenue sales turnover profit amount
value values budget gdp rent fee fees tax taxes debt loan balance payment spend spending expense expenses fare
premium area size distance height elevation altitude depth length width thickness radius diameter weight mass
volume density count counts total sum score points quantity qty mileage odometer miles km steps lum lumen
luminosity lux dose dosage conc concentration temperature temp humidity pressure voltage frequency power
energy speed velocity duration age bmi rate ratio percent percentage share intensity brightness flux charge
current force rainfall precipitation yield production consumption emissions calories views clicks likes
followers votes visits downloads inhabitants einwohner preis umsatz gehalt alter gewicht fläche
"""
QUANTITIES = frozenset(_QUANTITIES.split())
# units at the end of a name, "area_sqft", but for those that are words as well; in brackets, any: "depth (m)"
_LAST = frozenset(unit.lower() for unit in UNITS if len(unit) > 1) - {"in", "st", "pt", "px"}
_IN_BRACKETS = re.compile(r".*[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*")
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


def words_of(name: str) -> frozenset[str]:
    """Return a name in lower case, and without what marks identifiers: "userId" and "user_id" are "user"."""
    plain = bare_name(name)
    return frozenset((plain, re.sub(r"(.)(id|ids|name|key|no|nr|index|idx|code|label)$", r"\1", plain)))


def is_quantity(name: str) -> bool:
    """Return whether the name of a column says that it measures or counts something."""
    bracketed = _IN_BRACKETS.fullmatch(name)
    parts = parts_of(name)
    return (
        not QUANTITIES.isdisjoint(parts)
        or (len(parts) > 1 and parts[-1] in _LAST)
        or (bracketed is not None and bracketed[1] in UNITS)
    )


def parts_of(name: str) -> list[str]:
    """Return the words of a name in lower case: "bodyWeight", "body weight" and "body_weight_2" have two."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    return [part for part in re.split(r"[\W_\d]+", apart) if part]


def bare_name(name: str) -> str:
    """Return the letters and digits of a name in lower case."""
    return re.sub(r"[\W_]+", "", name.lower())
