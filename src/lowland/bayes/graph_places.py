"""Lines as nodes of a graph, in which neighbours are similar.

A Gaussian process on the nodes of a graph, the same for all factors, is a linear function of features: the
smoothest eigenvectors of its normalised Laplacian, weighted by how slowly they vary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.kernels.blas_threads import one_blas_thread

# eigenvectors at most; nodes from which on they are computed by iterations; the most nodes
MOST_FEATURES, DENSE, MOST_NODES = 100, 1_500, 50_000
# lengths that are compared, in steps from neighbour to neighbour
LENGTHS = (1.0, 3.0, 10.0)


@final
@dataclass(frozen=True, eq=False)
class GraphPlaces:
    """Lines as nodes of a graph.

    Parameters
    ----------
    weights : sparse array, shape (nodes, nodes)
        Symmetric, nonnegative, with zero diagonal.
    taken : ndarray of int, shape (lines,), optional
        The node of each line; by default they are the same.

    References
    ----------
    V. Borovitskiy et al., Matérn Gaussian processes on graphs, AISTATS 2021.
    """

    weights: Any
    taken: Indices | None = None

    @classmethod
    def of(cls, given: Any, length: int, name: str) -> GraphPlaces:
        """Return the places of lines in a given graph.

        Parameters
        ----------
        given : sparse matrix or array, shape (length, length)
            Weights of the edges between lines; an edge may be given in one direction or in both.
        length : int
            Number of lines.
        name : str
            Name of the argument, for error messages.

        Raises
        ------
        InvalidInputError
            If it is not square, of another length, has negative or infinite weights or no edge, or too many
            nodes.
        """
        from scipy.sparse import csr_array, diags_array

        fix = "pass a SciPy sparse array with the weight of the edge between two lines of the table"
        if given.shape != (length, length):
            raise InvalidInputError(
                f"{name} as a graph must have one node per line", f"shape {given.shape} for {length}", fix=fix
            )
        if length > MOST_NODES:
            raise InvalidInputError(
                f"{name} has too many nodes", f"{length:,} of at most {MOST_NODES:,}", fix="leave it out"
            )
        weights = csr_array(given, dtype=np.float64)
        if not (np.isfinite(weights.data).all() and (weights.data >= 0).all()):
            raise InvalidInputError(f"{name} has a weight that is negative or not finite", fix=fix)
        weights = weights.maximum(weights.T)
        weights = csr_array(weights - diags_array(weights.diagonal()))
        weights.eliminate_zeros()
        if not weights.nnz:
            raise InvalidInputError(f"{name} has no edge between two lines", fix=fix)
        return cls(weights)

    def __len__(self) -> int:
        return int(self.weights.shape[0] if self.taken is None else self.taken.size)

    def __getitem__(self, lines: Indices) -> GraphPlaces:
        """Return the places of some lines, each maybe several times."""
        return replace(self, taken=lines if self.taken is None else self.taken[lines])

    def coordinates(self, length: float) -> Matrix:
        """Return the features of all lines for a kernel of some length, of mean square one per line.

        Nodes without neighbours have none: zero.
        """
        values, vectors = self._spectrum
        features: Matrix = vectors / (1 + length**2 * values)
        alone = self.weights.sum(axis=1) == 0
        features /= np.sqrt(np.mean(np.sum(features[~alone] ** 2, axis=1)))
        features[alone] = 0
        return features if self.taken is None else features[self.taken]

    @cached_property
    def _spectrum(self) -> tuple[Vector, Matrix]:
        """The smallest eigenvalues of the normalised Laplacian, and their eigenvectors.

        Connected parts are looked at one by one: of equal ones iterations would find one alone.
        """
        from scipy.sparse import diags_array
        from scipy.sparse.csgraph import connected_components

        degrees = np.asarray(self.weights.sum(axis=1))
        roots = diags_array(1 / np.sqrt(np.where(degrees > 0, degrees, np.inf)))
        near, n = (roots @ self.weights @ roots).tocsr(), self.weights.shape[0]
        if n <= DENSE:
            return _smallest(near)
        count, labels = connected_components(near, directed=False)
        values, vectors = [], []
        for part in range(count):
            members = np.flatnonzero(labels == part)
            if members.size > 1:
                smallest, columns = _smallest(near[members][:, members])
                values.append(smallest)
                vectors.append((members, columns))
        joined = np.concatenate(values)
        chosen = np.argsort(joined, kind="stable")[:MOST_FEATURES]
        out, start = np.zeros((n, chosen.size)), 0
        for members, columns in vectors:
            mine = (chosen >= start) & (chosen < start + columns.shape[1])
            out[np.ix_(members, np.flatnonzero(mine))] = columns[:, chosen[mine] - start]
            start += columns.shape[1]
        return joined[chosen], out


def _smallest(near: Any) -> tuple[Vector, Matrix]:
    """Return the smallest eigenvalues of I minus a sparse matrix, and their eigenvectors."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    n = near.shape[0]
    with one_blas_thread():  # the same bits whatever its number of threads
        if n <= DENSE:
            values, vectors = np.linalg.eigh(np.eye(n) - near.toarray())
            return np.maximum(values[:MOST_FEATURES], 0), vectors[:, :MOST_FEATURES]
        # the largest eigenvalues of the neighbours, all made positive; from a random vector, as a symmetric
        # one never leaves its symmetry
        start = np.random.default_rng(0).standard_normal(n)
        try:
            largest, vectors = eigsh(near + eye_array(n), k=MOST_FEATURES, which="LA", v0=start, tol=1e-6)
        except ArpackNoConvergence as error:
            largest, vectors = error.eigenvalues, error.eigenvectors
    return np.maximum(2 - largest, 0), vectors


def is_graph(given: Any) -> bool:
    """Return whether coordinates are given as a sparse array."""
    from scipy.sparse import issparse

    return bool(issparse(given))
