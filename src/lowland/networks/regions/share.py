"""A share of activation regions, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from lowland.core.parameter_checks import check_share
from lowland.landscape.proportions import share_interval


@final
@dataclass(frozen=True)
class Share:
    """A share of regions, estimated from drawn ones.

    Parameters
    ----------
    hits, trials : int
    undecided : int
        Trials that could not be decided; they are not counted as hits.
    """

    hits: int
    trials: int
    undecided: int = 0

    @property
    def estimate(self) -> float:
        """The share among the regions drawn."""
        return self.hits / self.trials

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the Clopper-Pearson confidence interval; undecided trials may be hits or not."""
        check_share("level", level)
        return share_interval(self.hits, self.trials, level, undecided=self.undecided)

    def __str__(self) -> str:
        low, high = self.interval()
        text = f"{100 * self.estimate:.3g} % ({100 * low:.3g} to {100 * high:.3g} %, 95 % interval)"
        return f"{text}, {self.undecided} undecided" if self.undecided else text
