"""Breaking reversibility: how much sooner minima are reached and left, over curvature and temperature.

X. Gao, M. Gurbuzbalaban and L. Zhu show that dynamics with inertia (ULD) or with a non-reversible drift (NLD)
reach a minimum, and leave it, sooner than the reversible diffusion (LD), and the more so the smaller the
smallest curvature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.dynamics.antisymmetric import drift_rate
from lowland.dynamics.closed_forms import double_well, quadratic
from lowland.dynamics.exit_sets import Ball, HalfSpace
from lowland.dynamics.exits.escape import escape_times
from lowland.dynamics.exits.kramers import kramers_time
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.one_dimension import mean_exit_time
from lowland.dynamics.quadratic_wells import stable_step
from lowland.report.page import FigureEntry, Page, TableEntry
from lowland.reproduce.dichotomy import (
    CURVATURES,
    KINDS,
    dichotomy_cells,
    dichotomy_note,
    dichotomy_table,
    dynamics_of,
    run_dichotomy,
)
from lowland.reproduce.experiment import Cell, Experiment, Row, Study
from lowland.reproduce.mixing import draw_mixing, mixing_cells, mixing_note, mixing_table, run_mixing

if TYPE_CHECKING:
    from lowland.report.figures import Axes

BETAS = (4.0, 6.0, 8.0, 12.0)
# noise along the smallest curvature spreads over 1 / sqrt(COLD) of the neighbourhood: negligible
FAR_START, NEAR_START, COLD = 10.0, 1.0, 1e4
# fraction of the largest stable step
STEP_SHARE = 0.02
TURN = np.array([[0.0, 2.0], [-2.0, 0.0]])


def recurrence_cells(quick: bool) -> Sequence[Cell]:
    """Return dynamics and smallest curvatures."""
    return [
        {"kind": kind, "smallest": m, "chains": 200 if quick else 2000} for m in CURVATURES for kind in KINDS
    ]


def run_recurrence(cell: Cell) -> Row:
    """Time the way from a distance to a neighbourhood of a quadratic minimum, nearly without noise.

    For comparison: the time of the noiseless path, and the estimate log(R/r) over the rate, which ignores
    the direction of the start, and the factor that grows with time where two rates coincide (critical
    friction, the optimal J).
    """
    m = cell["smallest"]
    H = np.diag([m, 1.0])
    moves = _small_step(dynamics_of(cell["kind"], m, H, COLD / m), H)
    start = FAR_START / np.sqrt(2) * np.ones(2)
    study = escape_times(
        quadratic(H),
        start,
        exit=Ball(np.zeros(2), NEAR_START, inside=True),
        dynamics=moves,
        n_chains=cell["chains"],
        check_basin=False,
        extrapolate=True,
        rng=1,
    )
    rate = {"LD": m, "ULD": np.sqrt(m), "NLD": drift_rate(H, moves.antisymmetric)}[cell["kind"]]
    low, high = study.interval()
    return {
        "time": study.mean,
        "lower": low,
        "upper": high,
        "steps": study.mean / moves.step_size,
        "exact": noiseless_time(moves, H, start),
        "law": float(np.log(FAR_START / NEAR_START) / rate),
    }


def noiseless_time(moves: Dynamics, H: Matrix, start: Vector) -> float:
    """Return when the noiseless path, started at rest, comes near the minimum of a quadratic well."""
    from scipy.linalg import expm
    from scipy.optimize import brentq

    d = len(H)
    drift, state = -H, start
    if isinstance(moves, NonReversible):
        drift = -(np.eye(d) + np.asarray(moves.antisymmetric)) @ H
    elif isinstance(moves, Underdamped):
        drift = np.block([[np.zeros((d, d)), np.eye(d)], [-H, -moves.friction * np.eye(d)]])
        state = np.r_[start, np.zeros(d)]
    short = 0.05 / float(np.abs(np.linalg.eigvals(drift)).max())
    step, t = expm(short * drift), 0.0
    while np.linalg.norm(state[:d]) > NEAR_START:
        last, state, t = state, step @ state, t + short
    beyond = brentq(lambda s: np.linalg.norm((expm(s * drift) @ last)[:d]) - NEAR_START, 0, short)
    return float(t - short + beyond)


def escape_cells(quick: bool) -> Sequence[Cell]:
    """Return dynamics and temperatures."""
    chains = 1000 if quick else 20_000
    return [
        {"kind": kind, "beta": beta, "chains": chains}
        for beta in (BETAS[:3] if quick else BETAS)
        for kind in KINDS
    ]


def run_escape(cell: Cell) -> Row:
    """Time the way from one of two wells to well beyond the saddle."""
    well, beta = double_well(transverse=[1.0]), cell["beta"]
    kinds: dict[str, Dynamics] = {
        "LD": Overdamped(0.01, beta),
        "ULD": Underdamped(0.1, beta, 0.5),
        "NLD": NonReversible(0.005, beta, TURN),
    }
    moves = kinds[cell["kind"]]
    study = escape_times(
        well,
        well.minima[0],
        exit=HalfSpace(np.array([1.0, 0.0]), 0.7),
        dynamics=moves,
        n_chains=cell["chains"],
        extrapolate=True,
        rng=2,
    )
    low, high = study.interval()
    exact = mean_exit_time(lambda x: (x**2 - 1) ** 2 / 4, -1.0, 0.7, beta)
    return {
        "time": study.mean,
        "lower": low,
        "upper": high,
        "steps": study.mean / moves.step_size,
        "law": kramers_time(well, well.minima[0], well.saddles[0], moves),
        "exact": exact if cell["kind"] == "LD" else float("nan"),
    }


def friction_cells(quick: bool) -> Sequence[Cell]:
    """Return frictions."""
    return [
        {"friction": f, "chains": 1000 if quick else 20_000} for f in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    ]


def run_friction(cell: Cell) -> Row:
    """Time the exit from one of two wells at a friction of dynamics with inertia."""
    well, moves = double_well(), Underdamped(0.05, 8.0, cell["friction"])
    study = escape_times(
        well, [-1.0], exit=HalfSpace(np.array([1.0]), 0.7), dynamics=moves, n_chains=cell["chains"], rng=3
    )
    low, high = study.interval()
    law = kramers_time(well, well.minima[0], well.saddles[0], moves)
    return {"time": study.mean, "lower": low, "upper": high, "law": law}


def make_page(rows: Mapping[str, list[Row]], quick: bool) -> Page:
    """Return the page: recurrence, escape, friction."""
    recurrence = [
        (
            f"{r['smallest']:g}",
            r["kind"],
            _range(r),
            f"{r['exact']:.4g}",
            f"{r['time'] / r['exact']:.3f}",
            f"{r['law']:.4g}",
            f"{r['time'] / r['law']:.2f}",
            f"{r['steps']:.4g}",
        )
        for r in rows["recurrence"]
    ]
    escape = [
        (
            f"{r['beta']:g}",
            r["kind"],
            _range(r),
            f"{r['law']:.4g}",
            f"{r['time'] / r['law']:.3f}",
            "" if np.isnan(r["exact"]) else f"{r['exact']:.4g}",
            f"{r['steps']:.4g}",
        )
        for r in rows["escape"]
    ]
    friction = [(f"{r['friction']:g}", _range(r), f"{r['law']:.4g}") for r in rows["friction"]]
    return Page(
        "Breaking reversibility",
        (("experiment", "gao2018"), ("size", "quick" if quick else "full")),
        None,
        notes=_notes(rows),
        tables=(
            TableEntry(
                f"From distance {FAR_START:g} to within {NEAR_START:g} of a minimum with curvatures m and 1",
                (
                    "m",
                    "dynamics",
                    "mean time",
                    "noiseless, exact",
                    "ratio",
                    "log(R/r) / rate",
                    "ratio",
                    "steps",
                ),
                recurrence,
            ),
            dichotomy_table(rows["dichotomy"]),
            mixing_table(rows["mixing"]),
            TableEntry(
                "Exit from one of two wells, at 0.7",
                ("beta", "dynamics", "mean time", "Eyring-Kramers", "ratio", "quadrature", "steps"),
                escape,
            ),
            TableEntry("Inertia: friction, beta = 8", ("friction", "mean time", "Eyring-Kramers"), friction),
        ),
        figures=(
            FigureEntry(
                "Recurrence over the smallest curvature",
                "Mean time to come near the minimum, for three dynamics, over the smallest curvature",
                lambda ax: _draw(ax, rows["recurrence"], "smallest", "smallest curvature"),
            ),
            FigureEntry(
                "Mixing over the condition number",
                "Steps until the law is within 5 % of its spread, for three dynamics, in log scales",
                lambda ax: draw_mixing(ax, rows["mixing"]),
            ),
            FigureEntry(
                "Escape over temperature",
                "Mean time to leave a well, for three dynamics, over inverse temperature, with theory",
                lambda ax: _draw(ax, rows["escape"], "beta", "inverse temperature", log=False),
            ),
            FigureEntry(
                "The turnover",
                "Mean time to leave a well over friction: it has a minimum, where the law keeps falling",
                lambda ax: _draw(
                    ax, [{**r, "kind": "ULD"} for r in rows["friction"]], "friction", "friction"
                ),
            ),
        ),
        headline="What agrees with the asymptotic laws, and what does not.",
        settings=(("command", f"lowland reproduce gao2018{' --quick' if quick else ''}"),),
    )


def _small_step(moves: Dynamics, H: Matrix) -> Dynamics:
    return dataclasses.replace(moves, step_size=STEP_SHARE * stable_step(moves, H))


def _range(row: Row) -> str:
    return f"{row['time']:.4g} ({row['lower']:.4g} to {row['upper']:.4g})"


def _notes(rows: Mapping[str, list[Row]]) -> list[str]:
    at = {(r["smallest"], r["kind"]): r for r in rows["recurrence"]}
    least = min(r["smallest"] for r in rows["recurrence"])
    gains = [at[least, "LD"]["time"] / at[least, kind]["time"] for kind in ("ULD", "NLD")]
    steps = [at[least, "LD"]["steps"] / at[least, kind]["steps"] for kind in ("ULD", "NLD")]
    exact = [abs(r["time"] / r["exact"] - 1) for r in rows["recurrence"]]
    rates = [r["time"] / r["law"] for r in rows["recurrence"]]
    cold = max(r["beta"] for r in rows["escape"])
    out = {r["kind"]: r for r in rows["escape"] if r["beta"] == cold}
    off = [r["time"] / r["law"] - 1 for r in rows["escape"]]
    fastest = min(rows["friction"], key=lambda r: r["time"])
    escape_gain, escape_law = (out["LD"][key] / out["NLD"][key] for key in ("time", "law"))
    inertia, inertia_steps = (out["LD"][key] / out["ULD"][key] for key in ("time", "steps"))
    return [
        f"Recurrence at smallest curvature {least:g}: ULD is {gains[0]:.3g} and NLD {gains[1]:.3g} times "
        f"faster than LD in time, {steps[0]:.3g} and {steps[1]:.3g} times in steps, each step a fiftieth of "
        "the largest stable one.",
        f"Recurrence times lie within {100 * max(exact):.1f} % of those of the noiseless path. They are "
        f"{min(rates):.2f} to {max(rates):.2f} times log(R/r) over the rate, which leaves out where the path "
        "starts and, for ULD at critical friction and NLD at the optimal J, where two rates coincide, a "
        "factor that grows with time.",
        dichotomy_note(rows["dichotomy"]),
        mixing_note(rows["mixing"]),
        f"Escape at beta {cold:g}: NLD (J of norm 2) is {escape_gain:.3g} times faster than LD in time; the "
        f"law predicts {escape_law:.3g}.",
        f"ULD is not faster in time here (ratio {inertia:.3g}): its law requires friction plus the saddle's "
        f"curvature below 1. In steps the ratio is {inertia_steps:.3g}, because its steps may be longer.",
        f"DISAGREES: measured times are {100 * min(off):+.0f} to {100 * max(off):+.0f} % off the "
        "Eyring-Kramers law at these temperatures; the law is asymptotic.",
        "DISAGREES: by the law, escape becomes faster as friction falls; measured, it is fastest near "
        f"{fastest['friction']:g} and slower again below (energy is exchanged too slowly).",
    ]


def _draw(ax: Axes, rows: Sequence[Row], key: str, name: str, log: bool = True) -> None:
    for kind in dict.fromkeys(r["kind"] for r in rows):
        of_kind = [r for r in rows if r["kind"] == kind]
        places, times = [r[key] for r in of_kind], np.array([r["time"] for r in of_kind])
        bars = np.array([[r["time"] - r["lower"], r["upper"] - r["time"]] for r in of_kind]).T
        line = ax.errorbar(places, times, np.abs(bars), fmt="o", capsize=3, label=kind)
        ax.plot(places, [r["law"] for r in of_kind], "--", color=line[0].get_color())
    ax.set(xlabel=name, ylabel="mean time", yscale="log", xscale="log" if log else "linear")
    ax.legend(title="dashed: law")


GAO_2018 = Experiment(
    "gao2018",
    "Breaking reversibility accelerates Langevin dynamics",
    "X. Gao, M. Gurbuzbalaban, L. Zhu, Breaking reversibility accelerates Langevin dynamics for non-convex "
    "optimization, NeurIPS 2020",
    (
        Study("recurrence", recurrence_cells, run_recurrence),
        Study("dichotomy", dichotomy_cells, run_dichotomy),
        Study("mixing", mixing_cells, run_mixing),
        Study("escape", escape_cells, run_escape),
        Study("friction", friction_cells, run_friction),
    ),
    make_page,
)
