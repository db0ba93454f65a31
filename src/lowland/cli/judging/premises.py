"""What `lowland sense` says of the measurements and the landscape: a premise, isometry, a census of ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

from lowland.cli.records import option
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement
from lowland.landscape import Census
from lowland.objectives import RecoveryObjective
from lowland.sensing.census import census
from lowland.sensing.isometry import Isometry, restricted_isometry
from lowland.sensing.premise import Premise

# searches of a census start from seeds of their own
CENSUS_SEED = 1


@final
@dataclass(frozen=True, kw_only=True)
class LandscapeOptions:
    """What is assumed of the measurements, and what is told of them."""

    premise: str | None = option(
        None,
        "Assume restricted isometry, DELTA or DELTA:NOISE, at twice the rank; refused if a matrix "
        "contradicts it. The certificate says what follows.",
    )
    isometry: bool = option(False, "Also tell how nearly the measurements keep norms, at twice the rank.")
    census: int = option(0, "Also tell where plain gradient descent ends from so many random starts.")

    def check(self) -> None:
        """Raise before any work if what is asked for cannot be."""
        if self.census < 0:
            raise InvalidInputError("--census must not be negative", str(self.census))

    def premise_for(self, rank: int, shape: tuple[int, int]) -> Premise | None:
        """Return the premise that is asked for."""
        if self.premise is None:
            return None
        try:
            delta, *noise = map(float, self.premise.split(":"))
        except ValueError:
            noise = [0.0, 0.0]
        if len(noise) > 1:
            fix = "write, for example, --premise 0.3:0.1"
            raise InvalidInputError("--premise is not one or two numbers", self.premise, fix=fix)
        return Premise(min(2 * rank, *shape), delta, noise=sum(noise))

    def survey(self, measurement: Measurement, rank: int, objective: RecoveryObjective, seed: int) -> Survey:
        """Return what is asked for of a problem."""
        kind, twice = "psd" if objective.model.is_psd else "general", min(2 * rank, *objective.shape)
        return Survey(
            restricted_isometry(measurement, twice, structure=kind, rng=seed) if self.isometry else None,
            census(objective, n_starts=self.census, rng=seed + CENSUS_SEED) if self.census else None,
        )


@final
@dataclass(frozen=True, eq=False)
class Survey:
    """What is told of the measurements and the landscape."""

    isometry: Isometry | None
    census: Census | None

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        for part in (self.isometry, self.census):
            if part is not None:
                yield from str(part).splitlines()

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON."""
        data: dict[str, Any] = {}
        if (found := self.isometry) is not None:
            data["isometry"] = {
                "rank": found.rank,
                "structure": found.structure,
                "smallest": found.smallest,
                "largest": found.largest,
                "delta_at_least": found.scaled_lower,
                "delta_at_most": found.scaled_upper,
            }
        if (ends := self.census) is not None:
            kinds = [(one.value, one.count, one.describe()) for one in ends.endings]
            data["census"] = {
                "starts": ends.n_starts,
                "above_best": ends.misses,
                "bound": ends.bound,
                "level": ends.level,
                "best_is_global": ends.best_is_global.value,
                "endings": [dict(zip(("objective", "count", "kind"), kind, strict=True)) for kind in kinds],
            }
        return data
