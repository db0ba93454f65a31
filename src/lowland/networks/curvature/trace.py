"""`SharpnessTrace`: loss and sharpness along a training loop, and what they show of the step size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.parameter_checks import check_positive
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.status import StopReason, Verdict
from lowland.networks.curvature.batches import batches_of
from lowland.networks.curvature.sharpness import SharpnessEstimate, sharpness
from lowland.networks.training_steps import check_recorded, is_due
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# the edge of stability: a sharpness within this share of 2 / step_size, over the last part of the records
NEAR, LAST = 0.15, 0.5
# a catapult: the loss rises by this factor, and the sharpness then falls by this share
RISE, FALL = 2.0, 0.1


@briefly
@final
@dataclass(frozen=True, eq=False)
class TraceRecord:
    """What was measured after a step.

    Parameters
    ----------
    step : int
    estimate : SharpnessEstimate
    """

    step: int
    estimate: SharpnessEstimate


@public("lowland.networks")
@final
class SharpnessTrace:
    """Records of loss and sharpness of a network that is being trained by gradient descent.

    Parameters
    ----------
    model, data, loss
        As in `sharpness`. A module of PyTorch is read anew at each record, as it then is.
    step_size : float
        Of the gradient descent.
    every : int
        Steps between two records.
    tolerance : float
        Relative width of the brackets.
    rng : int, numpy.random.Generator or None

    Examples
    --------
    In a training loop of PyTorch: ``trace = SharpnessTrace(model, (x, y), loss, step_size=0.1, every=50)``,
    and after each step ``trace.record(step)``. Of JAX, whose parameters are new at every step:
    ``trace.record(step, (apply, parameters))``.
    """

    step_size: float
    every: int
    records: list[TraceRecord]

    def __init__(
        self,
        model: Any,
        data: Any,
        loss: Callable[..., Any],
        *,
        step_size: float,
        every: int = 1,
        tolerance: float = 0.05,
        rng: RandomSource = None,
    ) -> None:
        check_positive("step_size", step_size)
        check_positive("every", every)
        self.step_size, self.every, self.records = step_size, every, list[TraceRecord]()
        # batches are read once: generators have no second time, and loaders draw random numbers
        self._model, self._data = model, None if data is None else batches_of(data)
        self._loss, self._tolerance = loss, tolerance
        self._rng = make_generator(rng)

    def record(self, step: int, model: Any = None) -> SharpnessEstimate | None:
        """Measure the network's sharpness after a step that is a multiple of `every`.

        Parameters
        ----------
        step : int
            Counted from anywhere, ascending.
        model : optional
            In place of the one that the trace began with.

        Returns
        -------
        SharpnessEstimate or None
            None after steps that are no multiple of `every`.
        """
        if not is_due(self.records, step, self.every):
            return None
        self._model = self._model if model is None else model
        estimate = sharpness(self._model, self._data, self._loss, tolerance=self._tolerance, rng=self._rng)
        if estimate.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # the training loop's to end; half a measurement is no record
        self.records.append(TraceRecord(step, estimate))
        return estimate

    @property
    def limit(self) -> float:
        """The sharpness above which gradient descent of this step size is unstable: 2 / step_size."""
        return 2 / self.step_size

    def stability(self) -> list[Verdict]:
        """Return for each record whether the step size is linearly stable there."""
        return [record.estimate.stable_at(self.step_size) for record in self.records]

    def edge_share(self) -> float:
        """Return the share of the later half of the records whose sharpness is within 15 % of the limit.

        Near 1, training goes on at the edge of stability.
        """
        later = self._sharpnesses()[int(LAST * len(self.records)) :]
        return float(np.mean(np.abs(later / self.limit - 1) <= NEAR)) if later.size else 0.0

    def catapults(self) -> list[int]:
        """Return the steps of records at which the loss had doubled since the one before, and sharpness fell.

        A step size that is too large for where training is throws it to where the loss is flatter.
        """
        steps, sharp = [], self._sharpnesses()
        losses = [record.estimate.loss for record in self.records]
        for k in range(1, len(losses)):
            if losses[k] > RISE * losses[k - 1] and sharp[k:].min() < (1 - FALL) * sharp[k - 1]:
                steps.append(self.records[k].step)
        return steps

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw sharpness and loss by step, and the limit.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        """
        check_recorded(self.records)
        ax = new_axes(ax)
        steps = [record.step for record in self.records]
        ends = np.array([(record.estimate.lower, record.estimate.upper) for record in self.records])
        ax.fill_between(steps, *ends.T, color=ACCENT, alpha=0.3, linewidth=0)
        ax.plot(steps, ends.mean(axis=1), color=ACCENT, label="sharpness")
        ax.axhline(self.limit, color=FAINT, linestyle="--", label="2 / step size")
        ax.set(xlabel="step", ylabel="sharpness")
        beside = ax.twinx()
        beside.plot(steps, [record.estimate.loss for record in self.records], color=SECOND, label="loss")
        beside.set(ylabel="loss", yscale="log")
        lines = [*ax.get_lines(), *beside.get_lines()]
        ax.legend(lines, [str(line.get_label()) for line in lines], frameon=False)
        return ax

    def _sharpnesses(self) -> np.ndarray:
        return np.array([(record.estimate.lower + record.estimate.upper) / 2 for record in self.records])
