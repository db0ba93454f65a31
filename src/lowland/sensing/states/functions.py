"""Numbers of a density matrix: purity, fidelity, concurrence."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError


def purity(state: Matrix) -> float:
    """Return tr(state^2)."""
    return float(np.vdot(state, state).real)


def top_eigenvalue(state: Matrix) -> float:
    """Return the largest eigenvalue of a Hermitian matrix."""
    return float(np.linalg.eigvalsh(state)[-1])


def fidelity(state: Matrix, target: Matrix) -> float:
    """Return the fidelity to a state vector t, t^H state t, or to a density matrix (Uhlmann's).

    References
    ----------
    A. Uhlmann, The transition probability in the state space of a *-algebra, Rep. Math. Phys. 1976.
    """
    n = state.shape[0]
    if target.shape not in ((n,), (n, n)) or not np.linalg.norm(target) > 0:
        raise InvalidInputError(
            "target must be a state vector or a density matrix",
            f"shape {target.shape} for a state of {n} dimensions",
        )
    if target.ndim == 1:
        unit = target / np.linalg.norm(target)
        return float(np.vdot(unit, state @ unit).real)
    hermitian = (target + target.conj().T) / 2
    values, vectors = np.linalg.eigh(hermitian)
    if not np.allclose(target, hermitian) or values[0] < -1e-9 * values[-1]:
        raise InvalidInputError(
            "target must be positive semidefinite",
            f"smallest eigenvalue {values[0]:.3g}",
            fix="pass a density matrix",
        )
    root = vectors * np.sqrt(np.maximum(values, 0) / np.maximum(values, 0).sum())
    overlap = np.linalg.eigvalsh(root.conj().T @ state @ root)
    return float(np.sqrt(np.maximum(overlap, 0)).sum() ** 2)


def concurrence(state: Matrix) -> float:
    """Return the concurrence of two qubits: 0 if they are not entangled, 1 for a Bell state.

    References
    ----------
    W. K. Wootters, Entanglement of formation of an arbitrary state of two qubits, Phys. Rev. Lett. 1998.
    """
    if state.shape != (4, 4):
        raise InvalidInputError("concurrence is of two qubits", f"shape {state.shape}")
    flip = np.array([[0, 0, 0, -1], [0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]])
    values = np.linalg.eigvals(state @ flip @ state.conj() @ flip)
    roots = np.sort(np.sqrt(np.maximum(values.real, 0)))
    return float(max(0.0, roots[3] - roots[:3].sum()))
