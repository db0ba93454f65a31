"""Antisymmetric matrices J that make dynamics with drift -(I + J) grad F converge faster."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.dynamics.hessians import check_hessian, check_turn, check_well

# largest ratios in the construction: of neighbouring numbers, and of the last to the first
_RATIO, _RANGE = 20.0, 1e7


@public("lowland.dynamics")
def drift_rate(hessian: Matrix, antisymmetric: Matrix | None = None) -> float:
    """Return the smallest real part of the eigenvalues of (I + J) H, the convergence rate in a well.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        H, symmetric positive definite; second derivatives of the potential at the bottom of the well.
    antisymmetric : array_like, shape (d, d), optional
        J; zero by default, which gives the reversible dynamics.

    Returns
    -------
    float
        Rate at which means in the well relax, per unit of the dynamics' time.

    Raises
    ------
    InvalidInputError
        If the Hessian is not symmetric, J is not antisymmetric, or sizes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.dynamics import drift_rate, optimal_antisymmetric
    >>> H = np.diag([0.01, 1.0])
    >>> round(drift_rate(H), 6), round(drift_rate(H, optimal_antisymmetric(H)), 6)
    (0.01, 0.505)
    """
    H = check_hessian(hessian)
    turned = H if antisymmetric is None else H + check_turn(antisymmetric, len(H)) @ H
    return float(np.linalg.eigvals(turned).real.min())


@public("lowland.dynamics")
def optimal_antisymmetric(hessian: Matrix) -> Matrix:
    """Return the J for which all eigenvalues of (I + J) H have the same real part, tr(H)/d.

    No antisymmetric J does better: the real parts add up to tr(H). The norm of J grows with the square root
    of the condition number, and the largest stable step shrinks with it: compare rates per gradient call.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        Symmetric positive definite.

    Returns
    -------
    ndarray, shape (d, d)
        Computed in O(d^3).

    Raises
    ------
    InvalidInputError
        If the Hessian is not positive definite.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> H = np.diag([0.01, 1.0])
    >>> J = ll.dynamics.optimal_antisymmetric(H)
    >>> np.linalg.eigvals(H + J @ H).real.round(6)
    array([0.505, 0.505])

    References
    ----------
    T. Lelievre, F. Nier, G. Pavliotis, Optimal non-reversible linear drift for the convergence to
    equilibrium of a diffusion, J. Stat. Phys. 2013.
    """
    _, values, vectors = check_well(hessian, tolerance=1e-10)
    d = values.size
    mean = float(values.mean())
    if d == 1 or values[-1] - values[0] <= 1e-11 * values[-1]:
        return np.zeros((d, d))
    basis = _equal_diagonal(values, mean)
    # antisymmetric in the basis of equal diagonal, for any distinct numbers q: the farther apart they are,
    # the smaller J and the larger the stable step, and the closer the eigenvectors are to linear dependence
    T = (basis.T * values) @ basis
    q = min(_RATIO, _RANGE ** (1 / (d - 1))) ** np.arange(d)
    gap = q[:, None] - q
    inner = np.divide(T * (q[:, None] + q), gap, out=np.zeros((d, d)), where=gap != 0)
    root = vectors / np.sqrt(values)
    J: Matrix = root @ (basis @ inner @ basis.T) @ root.T
    return np.asarray((J - J.T) / 2)


def _equal_diagonal(values: Vector, mean: float) -> Matrix:
    """Return an orthogonal Q, by d - 1 rotations, for which Q^T diag(values) Q has a constant diagonal."""
    d = values.size
    T, Q = np.diag(values), np.eye(d)
    left = list(range(d))
    for _ in range(d - 1):
        diagonal = np.diag(T)
        i = min(left, key=lambda k: diagonal[k])
        j = max(left, key=lambda k: diagonal[k])
        if diagonal[j] <= mean or diagonal[j] - diagonal[i] <= 1e-15 * d * abs(mean):
            break
        # rotate so that entry i becomes the mean: c^2 T_ii + 2 c s T_ij + s^2 T_jj = mean
        a, b, off = diagonal[i] - mean, diagonal[j] - mean, T[i, j]
        root = np.sqrt(max(off * off - a * b, 0.0))
        t = (-off + np.copysign(root, -off)) / b if off else root / b
        c = 1 / np.hypot(1.0, t)
        s = t * c
        for M in (T, Q):
            M[:, [i, j]] = M[:, [i, j]] @ np.array([[c, -s], [s, c]])
        T[[i, j]] = np.array([[c, s], [-s, c]]) @ T[[i, j]]
        left.remove(i)
    return Q


@public("lowland.dynamics")
def paired_antisymmetric(hessian: Matrix) -> Matrix:
    """Return a J of 2 x 2 blocks, each coupling a stiff direction with a soft one: d/2 products per step.

    Each pair reaches the mean of its two curvatures; where curvatures are spread evenly that is close to the
    mean of all. Entries are in the coordinates of the gradient, so J has this sparsity only where the Hessian
    is diagonal.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        Symmetric positive definite.

    Returns
    -------
    ndarray, shape (d, d)

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> J = ll.dynamics.paired_antisymmetric(np.diag([1.0, 9.0, 2.0, 8.0]))
    >>> int(np.count_nonzero(J))
    4
    """
    H, values, vectors = check_well(hessian, tolerance=1e-10)
    d = values.size
    if np.array_equal(H, np.diag(np.diag(H))):
        order = np.argsort(np.diag(H))
        values, vectors = np.diag(H)[order], np.eye(d)[:, order]
    J = np.zeros((d, d))
    for k in range(d // 2):
        soft, stiff = values[k], values[d - 1 - k]
        # a little above the strength at which both eigenvalues coincide: there the pair is defective
        strength = 1.05 * (stiff - soft) / (2 * np.sqrt(stiff * soft))
        u, w = vectors[:, k], vectors[:, d - 1 - k]
        J += strength * (np.outer(u, w) - np.outer(w, u))
    return J
