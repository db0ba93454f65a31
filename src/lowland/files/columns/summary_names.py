"""What lines of a table are called that say something of all others: totals, means, counts, ..."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Protocol

# kinds of lines: sums; left out of a fit as asked; sums because a person says so; lines without a name
SUM, LEFT, ASKED, NAMELESS = "sum", "left", "asked", "nameless"

# words that names of totals hold
_HELD = """
total totals totaux subtotal subtotals totale totali totaal totalt totales sum sums summe summen zwischensumme
gesamt gesamtsumme insgesamt somme suma sumy ensemble toplam razem ogółem celkem összesen yhteensä итого всего
合計 总计 總計 合计 小計 小计 計 합계 총계 σ
"""
# names of totals as they are
_WHOLE = """
all alle overall world both together combined everything everyone all_countries both_sexes todos todas tous
i_alt
"""
HELD, WHOLE = frozenset(_HELD.split()), frozenset(word.replace("_", " ") for word in _WHOLE.split())
# names of other statistics of the rows above, as they are, or with further words where these say it, too
_NAMED = {
    "mean": "mean means average averages avg durchschnitt mittelwert mittel moyenne media média promedio"
    " gemiddelde gemiddeld średnia среднее 平均 平均値 平均值 평균",
    "median": "median mediane médiane mediana 中央値 中位数",
    "minimum": "min minimum minimo mínimo 最小 最小値",
    "maximum": "max maximum massimo máximo 最大 最大値",
    "deviation": "std sd stdev stddev std_dev standard_deviation standardabweichung écart_type 標準偏差",
    "variance": "var variance varianz",
    "count": "n count counts anzahl nombre obs n_obs observations 件数",
}
KINDS = {name.replace("_", " "): kind for kind, names in _NAMED.items() for name in names.split()}
# words of these names
_TELLING = frozenset(word for name in KINDS for word in name.split())
# words that may stand beside those of a statistic, such as "column mean" and "Average (all)"
_BESIDE = frozenset(
    [
        "column",
        "col",
        "row",
        "overall",
        "total",
        "grand",
        "group",
        "class",
        "sample",
        "the",
        "of",
        "all",
        "in",
        "der",
        "die",
        "team",
    ]
)
_BETWEEN, _LETTERS, _NAMELESS = re.compile(r"[\W_]+"), re.compile(r"[\W_\d]+"), re.compile(r"\(line \d+\)")
# what people and places are called, too: such names alone are no reason for a word
COMMON = frozenset(
    ["n", "max", "min", "sd", "var", "media", "all", "alle", "world", "both", "together", "obs"]
)


class Says(Protocol):
    """What a person says of lines, by their names."""

    @property
    def as_data(self) -> Collection[str]:
        """Those that are data."""

    @property
    def as_is(self) -> Collection[str]:
        """Those that take no part in a fit."""

    @property
    def as_total(self) -> Collection[str]:
        """Those that are sums of others."""


def is_total(name: str) -> bool:
    """Return whether a name is one of totals."""
    words = _words(name)
    return bool(HELD & set(words)) or " ".join(words) in WHOLE


def nameless(line: int) -> str:
    """Return what a line without a name is called."""
    return f"(line {line + 1})"


def kind_of(name: str) -> str:
    """Return what a line is by its name: "sum" of others, their "mean", ...; "" if that says nothing."""
    words = [word for word in _BETWEEN.split(name.lower()) if word]  # N1 is no count
    if _TELLING.isdisjoint(words):
        return SUM if is_total(name) else NAMELESS if _NAMELESS.fullmatch(name) else ""
    bare = " ".join(word for word in words if word not in _BESIDE)
    return KINDS.get(" ".join(words)) or KINDS.get(bare) or (SUM if is_total(name) else "")


def kind_said(name: str, said: Says) -> str:
    """Return what a line is by its name, unless a person says what it is."""
    if name in said.as_data:
        return ""
    if name in said.as_total:
        return ASKED
    return LEFT if name in said.as_is else kind_of(name)


def _words(name: str) -> list[str]:
    return [word for word in _LETTERS.split(name.lower()) if word]
