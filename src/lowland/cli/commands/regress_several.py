"""What `lowland regress` says of a sum of splines, when it predicts from several columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.cli.output import say
from lowland.core.wording import counted
from lowland.networks.splines.additive_pages import AdditiveEstimator, by_spread
from lowland.networks.splines.pages import knots_in_words

# inputs listed on the terminal
SHOWN = 20


def say_sum(model: AdditiveEstimator, names: Sequence[str], y: str) -> None:
    """Print how far predictions are off, and what each input adds, those that matter most first."""
    error, usual = np.sqrt(model.cv_error_), np.std(model.y_)
    say(
        f"{y} by {counted(len(names), 'column')}: {counted(model.y_.size, 'row')}, "
        f"held-out root-mean-square error {error:.4g} (of the mean alone {usual:.4g})"
    )
    order = by_spread(model)
    matter = "column matters" if len(order) == 1 else "columns matter"
    knots = knots_in_words(int(model.n_knots_.sum()))
    say(f"{len(order)} {matter}, with {knots} in all:" if order else "no column matters")
    for j in order[:SHOWN]:
        places = ", ".join(f"{knot:.6g}" for knot in model.knots_[j])
        bends = f"bends at {places}" if places else "a straight line"
        say(f"  {names[j]}  spread {model.spreads_[j]:.4g}, {bends}")
    if len(order) > SHOWN:
        say(f"  and {len(order) - SHOWN} more")


def sum_as_data(model: AdditiveEstimator, names: Sequence[str]) -> dict[str, Any]:
    """Return the same for `--json`."""
    return {
        "held_out_mean_squared_error": model.cv_error_,
        "rows": int(model.y_.size),
        "inputs": [
            {"name": name, "spread": float(spread), "knots": knots.tolist(), "used": bool(used)}
            for name, spread, knots, used in zip(
                names, model.spreads_, model.knots_, model.used_, strict=True
            )
        ],
    }
