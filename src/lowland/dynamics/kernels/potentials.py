"""Gradients of closed-form potentials for blocks of chains, compiled.

Each takes positions (d, lanes) and parameters, and writes the gradient (d, lanes). They are C functions,
so one compiled loop can take any of them by address, including a user's own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.kernels.compiler import CPUDispatcher, cfunc, types

_SIGNATURE = types.void(types.float64[:, ::1], types.float64[::1], types.float64[:, ::1])


def quadratic(x, p, out):
    """H (x - c); the parameters are H, row by row, and c."""
    d, lanes = x.shape
    for i in range(d):
        for t in range(lanes):
            out[i, t] = 0.0
        for j in range(d):
            h, c = p[i * d + j], p[d * d + j]
            if h != 0.0:
                for t in range(lanes):
                    out[i, t] += h * (x[j, t] - c)


def axes(x, p, out):
    """Multiply x - c by curvatures, coordinate by coordinate; the parameters are curvatures and c."""
    d, lanes = x.shape
    for i in range(d):
        for t in range(lanes):
            out[i, t] = p[i] * (x[i, t] - p[d + i])


def double_well(x, p, out):
    """x0^3 - x0 + tilt, and stiffness times the others; the parameters are the tilt and the stiffnesses."""
    d, lanes = x.shape
    for t in range(lanes):
        out[0, t] = x[0, t] * (x[0, t] * x[0, t] - 1.0) + p[0]
    for i in range(1, d):
        for t in range(lanes):
            out[i, t] = p[i] * x[i, t]


def many_wells(x, p, out):
    """x^3 - x + tilt in every coordinate; the parameter is the tilt."""
    d, lanes = x.shape
    for i in range(d):
        for t in range(lanes):
            out[i, t] = x[i, t] * (x[i, t] * x[i, t] - 1.0) + p[0]


def muller_brown(x, p, out):
    """Sum of four Gaussians; the parameters are scale, then A, a, b, c, x0, y0 of each."""
    lanes = x.shape[1]
    for t in range(lanes):
        out[0, t] = out[1, t] = 0.0
        for k in range(4):
            q = 1 + 6 * k
            u, w = x[0, t] - p[q + 4], x[1, t] - p[q + 5]
            e = p[0] * p[q] * np.exp(p[q + 1] * u * u + p[q + 2] * u * w + p[q + 3] * w * w)
            out[0, t] += e * (2.0 * p[q + 1] * u + p[q + 2] * w)
            out[1, t] += e * (p[q + 2] * u + 2.0 * p[q + 3] * w)


def rugged(x, p, out):
    """X + amplitude frequency sin(frequency x); the parameters are amplitude and frequency."""
    d, lanes = x.shape
    for i in range(d):
        for t in range(lanes):
            out[i, t] = x[i, t] + p[0] * p[1] * np.sin(p[1] * x[i, t])


_BUILT_IN = {
    function.__name__: function
    for function in (quadratic, axes, double_well, many_wells, muller_brown, rugged)
}


@cache
def built_in(name: str) -> Any:
    """Return one of the functions above as a C function, compiled when it is first asked for."""
    return cfunc(_SIGNATURE, cache=True, error_model="numpy")(_BUILT_IN[name])


def is_compiled(function: Any) -> bool:
    """Return whether a function was made by numba.njit."""
    return isinstance(function, CPUDispatcher)


def compile_gradient(function: Any, dimension: int, parameters: np.ndarray) -> Any:
    """Return a user's gradient, made by numba.njit, as a C function.

    Parameters
    ----------
    function : Dispatcher
        Takes positions (d, lanes) and parameters (k,), writes to its third argument (d, lanes).
    dimension : int
    parameters : ndarray

    Raises
    ------
    InvalidInputError
        If it cannot be run or compiled for these arguments.

    Notes
    -----
    Compiled code raises no errors: what a function does at points other than that of the trial run is not
    checked.
    """
    try:
        # run once as Python, where an index out of bounds raises an error
        out = np.full((dimension, 2), np.nan)
        returned = function.py_func(np.full((dimension, 2), 0.5), parameters, out)
        if returned is not None or np.isnan(out).any():
            raise ValueError("it must fill its whole third argument, shape (d, n), and return nothing")
        return cfunc(_SIGNATURE, error_model="numpy")(function.py_func)
    except Exception as error:
        raise InvalidInputError(
            "the compiled gradient must be a function of (x, parameters, out)",
            f"{type(error).__name__}: {str(error).splitlines()[0]}",
            fix="write a function of positions (d, lanes), parameters and an array (d, lanes) to fill",
        ) from error


def gradient_batch(function: Any, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a compiled gradient at points of shape (chains, d)."""
    from lowland.dynamics.kernels.langevin import call_gradient

    blocks = np.ascontiguousarray(x.T)
    out = np.full_like(blocks, np.nan)
    call_gradient(function, blocks, parameters, out)
    return out.T
