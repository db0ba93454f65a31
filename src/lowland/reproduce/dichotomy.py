"""Leave soon or stay for long: how often paths near a minimum do neither, over curvature and temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Matrix
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.exits.well_exits import exit_intervals
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.recurrence import recurrence_time
from lowland.landscape.proportions import share_interval
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row

KINDS = ("LD", "ULD", "NLD")
CURVATURES = (0.3, 0.1, 0.03, 0.01)
# inverse temperatures, in units of one over smallest curvature times squared radius
COLDS = (8.0, 16.0, 32.0)
# times per recurrence time at which paths are drawn first, and how many recurrence times they are to stay
TIMES, STAY = 16, 10


def dynamics_of(kind: str, m: float, H: Matrix, beta: float, turn: float = 1.0) -> Dynamics:
    """Return a dynamics of a well, with steps of 1: critical friction, or a multiple of the optimal J."""
    if kind == "LD":
        return Overdamped(1.0, beta)
    if kind == "ULD":
        return Underdamped(1.0, beta, 2 * np.sqrt(m))
    return NonReversible(1.0, beta, turn * optimal_antisymmetric(H))


def dichotomy_cells(quick: bool) -> Sequence[Cell]:
    """Return dynamics, smallest curvatures and how cold they are."""
    return [
        {"kind": kind, "smallest": m, "cold": cold, "chains": 1000 if quick else 10_000}
        for m in CURVATURES
        for kind in KINDS
        for cold in COLDS
    ]


def run_dichotomy(cell: Cell) -> Row:
    """Count paths that leave a quadratic well before the recurrence time, or not until ten times later.

    They start half a radius away. How cold it is: the inverse temperature times the smallest curvature and
    the squared radius, which the noise along the smallest curvature must be small beside. Paths are drawn
    from the law of the well itself, so that no step size biases them.
    """
    m, chains = cell["smallest"], cell["chains"]
    H = np.diag([m, 1.0])
    # a little beyond the smallest optimal J, whose drift has no independent eigenvectors
    moves = dynamics_of(cell["kind"], m, H, cell["cold"] / m, turn=1.05)
    soon = recurrence_time(moves, H, distance=0.5, radius=1.0)
    end = TIMES * (1 + STAY)
    left = exit_intervals(
        moves,
        H,
        0.5 / np.sqrt(2) * np.ones(2),
        radius=1.0,
        length=soon / TIMES,
        count=end,
        n_chains=chains,
        rng=np.random.default_rng(4),
    )
    early, stayed = int(np.sum(left < TIMES)), int(np.sum(left == end))
    low, high = share_interval(early + stayed, chains, 0.99)
    return {
        "recurrence": soon,
        "early": early / chains,
        "stayed": stayed / chains,
        "share": (early + stayed) / chains,
        "lower": low,
        "upper": high,
    }


def dichotomy_table(rows: Sequence[Row]) -> TableEntry:
    """Return the shares of paths, with intervals of 99 %."""
    lines = [
        (
            f"{r['smallest']:g}",
            r["kind"],
            f"{r['cold']:g}",
            f"{r['recurrence']:.4g}",
            f"{100 * r['early']:.1f} %",
            f"{100 * r['stayed']:.1f} %",
            f"{100 * r['share']:.2f} % ({100 * r['lower']:.2f} to {100 * r['upper']:.2f})",
        )
        for r in rows
    ]
    return TableEntry(
        "Leave within the recurrence time, or stay ten times as long: radius 1, started at 0.5, no step size",
        ("m", "dynamics", "beta m r²", "recurrence time", "left before", "stayed", "one or the other"),
        lines,
    )


def dichotomy_note(rows: Sequence[Row]) -> str:
    """Return what the shares say of the theorem."""
    sure, warm = ([r["share"] for r in rows if r["cold"] == cold] for cold in (COLDS[-1], COLDS[0]))
    return (
        f"Dichotomy: where beta m r² is {COLDS[-1]:g}, {100 * min(sure):.2f} % of paths or more left before "
        f"the recurrence time or stayed ten times as long; where it is {COLDS[0]:g}, {100 * min(warm):.0f} "
        f"to {100 * max(warm):.0f} %: the theorem asks for low temperatures. NLD leaves early where "
        "curvatures differ much, because its drift first carries paths outwards."
    )
