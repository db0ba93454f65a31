"""`TuckerFit`: the result of `decompose_tucker`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import UnsupportedError
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.sensing.searched_fit import polished
from lowland.tensors.decomposition import Coordinates, Decomposition
from lowland.tensors.measurement import SomeCells
from lowland.tensors.named_modes import labelled_parts
from lowland.tensors.tucker.cell_errors import NewCellError, new_cell_error
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker.ranks import RankChoice
from lowland.tensors.tucker.simple_structure import simple_structure
from lowland.tensors.tucker_tensor import TuckerTensor

if TYPE_CHECKING:
    from lowland.tensors.page_parts import ModelPage


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TuckerFit(Decomposition):
    """A Tucker decomposition, how it was found, and what is proved about it.

    Parameters
    ----------
    parts : TuckerTensor
        Core and factors in canonical form: orthonormal columns, an all-orthogonal core with slices in order
        of decreasing norm, and the largest entry of each column positive.
    search : SearchResult
        The best of all starts: why it stopped and its trace.
    certificate : Certificate or None
        What is proved; None if not asked for, or if the search was interrupted.
    objective : TuckerObjective
        The problem that was solved.
    attempts : tuple of Attempt
        Every start, in order, and how it ended.
    own_end : SearchResult
        Where the best of all gradient searches ended before it was polished; for the default solver, where
        the search itself ended.
    escapes : tuple of int
        Orders of the saddles that the best search escaped by a change invisible to the Hessian.
    choice : RankChoice or None
        How the ranks were chosen, if by held-out cells.
    like : xarray.DataArray or None
        The array that was decomposed, whose dimensions and coordinates results keep.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> i, j, k = np.indices((6, 5, 4))
    >>> holes = np.where((i + j + k) % 3 > 0, (i + 1.0) * (j + 1.0) * (k + 1.0), np.nan)
    >>> fit = ll.decompose_tucker(holes, 1, rng=0)
    >>> fit.ranks, fit.relative_error < 1e-10, fit.compression_ratio
    ((1, 1, 1), True, 7.5)
    >>> fit.predict([[5, 4, 3]]).round(6), fit.certificate["globally_optimal"].verdict.name
    (array([120.]), 'PROVED')
    """

    parts: TuckerTensor
    search: SearchResult
    certificate: Certificate | None
    objective: TuckerObjective
    attempts: tuple[Attempt, ...]
    own_end: SearchResult
    escapes: tuple[int, ...] = ()
    choice: RankChoice | None = None
    like: Any = None

    @property
    def core(self) -> Matrix:
        """The core, shape (r_1, ..., r_N)."""
        return self.parts.core

    @property
    def factors(self) -> tuple[Matrix, ...]:
        """The factors, shapes (I_n, r_n), with orthonormal columns."""
        return self.parts.factors

    @property
    def ranks(self) -> tuple[int, ...]:
        """Shape of the core."""
        return self.parts.ranks

    def components(self) -> Any:
        """Return core and factors with the names and coordinates of the modes.

        Returns
        -------
        xarray.Dataset
            ``core`` and one ``factor_...`` per mode; its `to_netcdf` writes them.

        Raises
        ------
        MissingExtraError
            If xarray is not installed.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> i, j, k = np.indices((6, 5, 4)) + 1.0
        >>> fit = ll.decompose_tucker(i * j * k, 1, certify=False, rng=0)
        >>> fit.components()["core"].dims
        ('rank of mode 0', 'rank of mode 1', 'rank of mode 2')
        """
        return labelled_parts(self.like, self.factors, "rank of {}", {"core": self.core})

    @property
    def compression_ratio(self) -> float:
        """Number of cells of the tensor over number of entries of core and factors."""
        return float(np.prod(self.parts.shape, dtype=float)) / self.parts.stored_numbers

    def new_cell_error(self) -> NewCellError:
        """Return the expected error of predictions of new observations of unseen cells.

        Returns
        -------
        NewCellError
            Noise, and what the error of the fit adds on average over the unseen cells: an estimate, from fits
            without some of the known cells.

        Raises
        ------
        UnsupportedError
            If the known cells leave nothing to estimate the noise from, or components free, or the tensor is
            very large.
        """
        return self._new_cell_error

    @cached_property
    def _new_cell_error(self) -> NewCellError:
        return new_cell_error(self.objective, self.search.theta)

    def spectra(self) -> tuple[Vector, ...]:
        """Return, for each mode, the singular values of the model's unfolding: norms of the core's slices."""
        order = self.core.ndim
        return tuple(
            np.sqrt(np.sum(self.core.astype(np.float64) ** 2, axis=tuple(k for k in range(order) if k != n)))
            for n in range(order)
        )

    def simple_structure(
        self, modes: int | Iterable[int] | None = None, *, rng: RandomSource = 0
    ) -> TuckerTensor:
        """Return the same tensor with factors rotated to few large entries per column (varimax).

        A Tucker decomposition leaves its factors free up to rotations that the core undoes. This one is
        chosen because it is easy to read, by no evidence: error and certificate are those of all.
        `decompose_cp` finds components that may be the only ones.

        Parameters
        ----------
        modes : int or collection of int, optional
            Whose factors are rotated; by default all.
        rng : int, Generator or None
            Of the random starts: the criterion has local maxima.

        Returns
        -------
        TuckerTensor
            Orthonormal factors, those of the largest slices of the core first.

        Raises
        ------
        InvalidInputError
            If there is no such mode.

        References
        ----------
        H. F. Kaiser, The varimax criterion for analytic rotation in factor analysis, Psychometrika 1958.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> kinds = np.kron(np.eye(2), np.ones((4, 1)))  # eight sites, of two kinds
        >>> parts = (rng.standard_normal(shape) for shape in [(2, 2, 2), (6, 2), (5, 2)])
        >>> tensor = np.einsum("ia,abc,jb,kc->ijk", kinds, *parts)
        >>> fit = ll.decompose_tucker(tensor, 2, certify=False, rng=0)
        >>> np.abs(fit.simple_structure([0]).factors[0][[0, 3, 4, 7]]).round(3)
        array([[0. , 0.5],
               [0. , 0.5],
               [0.5, 0. ],
               [0.5, 0. ]])
        """
        return simple_structure(self.parts, modes, make_generator(rng))

    def _predicted(self, at: NDArray[np.int64]) -> Vector:
        order = np.argsort(at[:, 0], kind="stable")
        out = np.empty(len(at), self.core.dtype)
        out[order] = SomeCells(np.ascontiguousarray(at[order]), self.shape).measure(self.parts)
        return out

    def _dense(self) -> Matrix:
        return self.parts.tensor()

    def _quality(self) -> list[str]:
        return [
            f"relative error {self.relative_error:.3g} on the known cells, "
            f"{self.compression_ratio:.3g} times fewer numbers"
        ]

    @property
    def polishing(self) -> str:
        """Where gradient steps ended, and where other steps led from there; "" if there were none."""
        own = self.own_end
        if own.solver == self.search.solver:
            return ""
        names = self.search.solver.removeprefix(f"{own.solver}, then ").replace("_", " ")
        return polished(own, self.search, names)

    def _remarks(self) -> list[str]:
        polishing = [self.polishing] if self.polishing else []
        return [*polishing, *(f"escaped from a saddle of order {order}" for order in self.escapes)]

    def _own_search(self) -> SearchResult:
        return self.own_end

    def _model_page(self, names: Sequence[str], coordinates: Coordinates) -> ModelPage:
        from lowland.tensors.page_parts import ModelPage
        from lowland.tensors.tucker.page import bound_notes, choice_tables, parts_figures, spectra_figure

        numbers, ratio = self.parts.stored_numbers, f"{self.compression_ratio:.3g}"
        ranks = ", ".join(f"{rank} of {name}" for rank, name in zip(self.ranks, names, strict=True))
        return ModelPage(
            title="Tucker decomposition",
            described_by=f"{numbers:,} numbers, {ratio} times fewer than cells: {ranks}.",
            sentences=self._sentences(),
            size=("ranks", ", ".join(str(rank) for rank in self.ranks)),
            quality=("size", f"{numbers} parameters, {ratio} times fewer than cells"),
            remarks=self._facts(),
            notes=bound_notes(self.certificate),
            tables=choice_tables(self.choice),
            figures=[spectra_figure(self.objective.full_tensor, self.ranks, self.spectra(), names)],
            more_figures=parts_figures(self.parts, names, coordinates),
        )

    def _sentences(self) -> list[str]:
        """Return what the decomposition predicts of unseen cells."""
        missing = int(np.prod(self.shape)) - self.objective.data.size
        error = expected_error(self) if missing else None
        if error is None:
            return []
        return [
            f"{missing:,} missing cells were filled. On average they are off by {error.fit:.3g} from the "
            f"truth, and by {error.total:.3g} from a new observation (estimates)."
        ]

    def _facts(self) -> list[tuple[str, str]]:
        """Return the saddles that the search escaped, and the expected error of new cells."""
        facts, error = [("its end", self.polishing)] if self.polishing else [], expected_error(self)
        if self.escapes:
            orders = ", ".join(str(order) for order in self.escapes)
            facts.append(("saddles escaped", f"order {orders}, by changes invisible to the Hessian"))
        if error is not None:
            words = (
                f"{error.total:.4g} for a new observation of an unseen cell (an estimate: "
                f"noise {error.noise:.4g}, fit {error.fit:.4g})"
            )
            facts.append(("expected error", words))
        return facts


def expected_error(fit: TuckerFit) -> NewCellError | None:
    """Return the expected error of predictions of new cells, None if it cannot be estimated."""
    try:
        return fit.new_cell_error()
    except UnsupportedError:
        return None
