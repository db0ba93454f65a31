"""What the residuals of a fit hold beyond noise: directions that stand out from residuals with random signs.

Were the residuals noise, symmetric and independent, flipping the sign of each at random would change nothing;
factors that the fit lacks do not survive that. So singular values of the residuals are compared with the
largest one of the same residuals with random signs, on the same cells, whatever their pattern and sizes are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.cells.block import CellBlock
from lowland.cells.sides import Blocks, PerLine, PerPartner, TableCells
from lowland.cells.sums import residual_block, weighted_sums
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.kernels.blas_threads import one_blas_thread

# once a direction is there, those whose singular values exceed the largest of random signs by this factor are
# taken along
ALONG = 1.03
# passes over the residuals, and directions that are followed besides those asked for: singular values of
# noise lie close together, and both spectra are found equally well
PASSES, SPARE = 6, 4
# share of the longest column below which what is left of a column beside those before it is rounding
SAME = 1e-10
_FIRST, _SECOND, _THIRD = (np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@final
@dataclass(frozen=True, eq=False)
class ResidualStructure:
    """Directions that a fit lacks, the strongest first.

    Parameters
    ----------
    left, right : ndarray, shapes (m, q) and (n, q)
        Orthonormal columns.
    strengths : ndarray, shape (q,)
        Estimated singular values of what is missing in the whole table.
    """

    left: Matrix
    right: Matrix
    strengths: Vector


def find_residual_structure(
    cells: TableCells,
    factors: tuple[Matrix, Matrix],
    known: tuple[Matrix, Matrix],
    *,
    gate: float,
    most: int,
    least: int = 1,
    groups: Indices | None = None,
) -> ResidualStructure | None:
    """Return the directions that the residuals of predictions hold beyond noise.

    Parameters
    ----------
    cells : TableCells
    factors : pair of ndarray, shapes (m, d) and (n, d)
        Whose product, the second transposed, predicts the cells.
    known : pair of ndarray, shapes (m, k) and (n, k)
        What the fit has factors for; new directions are orthogonal to them. What shrinkage leaves of these in
        the residuals is nothing that is missing.
    gate : float
        How many times the largest singular value of residuals with random signs the leading one must be.
    most, least : int
        How many directions are returned at most, and at least if there are any.
    groups : ndarray of int, shape (n,), optional
        Columns of one group have noise that goes together, as those of one column of levels: their signs in a
        row are the same.

    Returns
    -------
    ResidualStructure or None
        None if there are none.

    Notes
    -----
    Costs some thirty products of the cells with `most` vectors.
    """
    sides = factors[0].astype(cells.dtype), factors[1].astype(cells.dtype)
    bases = [_basis(side) for side in known]
    room = min(length - basis.shape[1] for length, basis in zip(cells.shape, bases, strict=True))
    if room < 1:
        return None
    most = min(most, room)
    spectra = []
    signs = np.arange(cells.shape[1]) if groups is None else groups
    for given in (signs, None):
        residuals = [
            cells.sides[side]
            .change(residual_signs_block, PerPartner(sides[1 - side]), PerLine(sides[side]), side, given)
            .kept()
            for side in (0, 1)
        ]
        spectra.append(_leading(residuals, bases, min(most + SPARE, room)))
    (_, noise, _), (u, values, v) = spectra
    count = int(np.sum(values[:most] > ALONG * noise[0])) if values[0] > gate * noise[0] else 0
    if not count:
        return None
    count = min(most, max(count, least))
    # a share of the table is observed, and noise has its share in what is
    share = cells.size / (cells.shape[0] * cells.shape[1])
    beyond = np.sqrt(np.maximum(values[:count] ** 2 - noise[0] ** 2, (0.1 * noise[0]) ** 2))
    return ResidualStructure(u[:, :count], v[:, :count], beyond / share)


def residual_signs_block(
    block: CellBlock, partner: Matrix, factor: Matrix, side: int, signs: Indices | None
) -> CellBlock:
    """Return the weighted residuals of a block's cells, with random signs if columns have groups of signs.

    A sign depends on the row of its cell and the group of its column alone.
    """
    residuals = residual_block(block, partner, factor, block.values.dtype)
    values = residuals.values
    if block.weights is not None:
        values *= block.weights
    if signs is not None:
        for at, lines in block.stretches():
            pair = lines + block.first, block.partners[at].astype(np.intp)
            values[at] *= random_signs(pair[side], signs[pair[1 - side]])
    return replace(residuals, values=values, weights=None)


def random_signs(rows: Indices, columns: Indices) -> Vector:
    """Return 1 or -1 for each cell, the same for the same cell: a mixed-up bit of its row and column."""
    word = (rows.astype(np.uint64) << np.uint64(32)) + columns.astype(np.uint64) + _FIRST
    word = (word ^ (word >> np.uint64(30))) * _SECOND
    word = (word ^ (word >> np.uint64(27))) * _THIRD
    return np.where((word >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)


def _basis(side: Matrix) -> Matrix:
    with one_blas_thread():
        basis, triangle = np.linalg.qr(side.astype(np.float64))
    sizes = np.abs(np.diag(triangle))
    kept: Matrix = basis[:, sizes > SAME * sizes.max(initial=0.0)]
    return kept


def _leading(residuals: list[Blocks], bases: list[Matrix], width: int) -> tuple[Matrix, Vector, Matrix]:
    """Return the leading singular vectors and values of sparse residuals, orthogonal to some columns.

    They are found by block iterations from random vectors, to a few percent where values lie close together.
    """
    start = np.random.default_rng(0).standard_normal((len(bases[1]), width))
    right = _orthonormal(start, bases[1])
    for _ in range(PASSES):
        left = _orthonormal(_product(residuals[0], right), bases[0])
        right = _orthonormal(_product(residuals[1], left), bases[1])
    image = _product(residuals[0], right)
    with one_blas_thread():
        image -= bases[0] @ (bases[0].T @ image)
        u, values, turn = np.linalg.svd(image, full_matrices=False)
        return u, values, right @ turn.T


def _product(blocks: Blocks, vectors: Matrix) -> Matrix:
    product: Matrix = blocks.map(weighted_sums, PerPartner(vectors))[0]
    return product


def _orthonormal(vectors: Matrix, basis: Matrix) -> Matrix:
    """Return an orthonormal basis of vectors without their parts along other columns."""
    with one_blas_thread():
        rest = vectors - basis @ (basis.T @ vectors)
        orthonormal: Matrix = np.linalg.qr(rest - basis @ (basis.T @ rest))[0]
    return orthonormal
