"""Leave soon or stay for long: how often paths near a minimum do neither, over curvature and temperature."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from lowland.core.arrays import Matrix
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.closed_forms import quadratic
from lowland.dynamics.exits.dichotomy import escape_dichotomy
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.quadratic_wells import stable_step
from lowland.dynamics.recurrence import recurrence_time
from lowland.report.page import TableEntry
from lowland.reproduce.experiment import Cell, Row

KINDS = ("LD", "ULD", "NLD")
CURVATURES = (0.3, 0.1, 0.03, 0.01)
# inverse temperatures, in units of one over smallest curvature times squared radius
COLDS = (8.0, 16.0, 32.0)


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
    the squared radius, which the noise along the smallest curvature must be small beside.
    """
    m = cell["smallest"]
    H = np.diag([m, 1.0])
    # a little beyond the smallest optimal J, whose drift has no independent eigenvectors
    moves = dynamics_of(cell["kind"], m, H, cell["cold"] / m, turn=1.05)
    moves = dataclasses.replace(moves, step_size=0.1 * stable_step(moves, H))
    soon = recurrence_time(moves, H, distance=0.5, radius=1.0)
    study = escape_dichotomy(
        quadratic(H),
        np.zeros(2),
        radius=1.0,
        dynamics=moves,
        duration=10 * soon,
        start=0.5 / np.sqrt(2) * np.ones(2),
        n_chains=cell["chains"],
        rng=4,
    )
    low, high = study.interval(0.99)
    return {
        "recurrence": soon,
        "early": study.left_early / cell["chains"],
        "stayed": study.stayed / cell["chains"],
        "share": study.share,
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
        "Leave within the recurrence time, or stay ten times as long: radius 1, started at distance 0.5",
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
