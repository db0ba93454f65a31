"""`CPFit`: the result of `decompose_cp`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.tensors.cells.unfoldings import all_products, products
from lowland.tensors.cp.agreement import matched_cosines, of_length_one, split_half
from lowland.tensors.cp.constraints import asked_of
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.decomposition import Coordinates, Decomposition
from lowland.tensors.kernels.mode_products import multiply_modes
from lowland.tensors.named_modes import labelled_parts

if TYPE_CHECKING:
    from lowland.tensors.page_parts import ModelPage

# components whose cosine is below this cancel each other
CANCELLING = -0.85


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CPFit(Decomposition):
    """A sum of products of one vector per mode, how it was found, and what is proved about it.

    Parameters
    ----------
    strengths : ndarray, shape (R,)
        Norms of the components, descending; where entries are known, in the order of these, and of the other
        modes alone.
    factors : tuple of ndarray, shapes (I_n, R)
        Columns of length one, but those whose entries are known, which have the known scale; in all modes but
        the last the largest entries of columns that may change their sign are positive.
    search : SearchResult
        The best of all starts.
    certificate : Certificate or None
    objective : CPObjective
        The problem that was solved.
    attempts : tuple of Attempt
        Every start, in order, and how it ended.
    like : xarray.DataArray or None
        The array that was decomposed, whose dimensions and coordinates results keep.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> truth = [rng.random((length, 2)) for length in (8, 7, 6)]
    >>> fit = ll.decompose_cp(np.einsum("ir,jr,kr->ijk", *truth), 2, rng=0)
    >>> fit.rank, fit.relative_error < 1e-10, bool(fit.congruence(truth).min() > 0.999999)
    (2, True, True)
    >>> fit.certificate["unique_decomposition"].verdict.name
    'PROVED'
    """

    strengths: Vector
    factors: tuple[Matrix, ...]
    search: SearchResult
    certificate: Certificate | None
    objective: CPObjective
    attempts: tuple[Attempt, ...]
    like: Any = None

    @classmethod
    def of(
        cls,
        objective: CPObjective,
        search: SearchResult,
        certificate: Certificate | None,
        attempts: tuple[Attempt, ...],
        like: Any = None,
    ) -> CPFit:
        """Return the decomposition of a point."""
        factors = objective.unpack(search.theta)
        norms = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
        norms[objective.kept_scales] = 1.0
        unit = tuple(
            factor / np.where(norm > 0, norm, 1.0) for factor, norm in zip(factors, norms, strict=True)
        )
        return cls(
            strengths=norms.prod(axis=0),
            factors=unit,
            search=search,
            certificate=certificate,
            objective=objective,
            attempts=attempts,
            like=like,
        )

    @property
    def rank(self) -> int:
        """Number of components."""
        return int(self.strengths.size)

    def components(self) -> Any:
        """Return strengths and factors with the names and coordinates of the modes.

        Returns
        -------
        xarray.Dataset
            ``strength`` and one ``factor_...`` per mode; its `to_netcdf` writes them.

        Raises
        ------
        MissingExtraError
            If xarray is not installed.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> parts = [rng.random((length, 2)) for length in (5, 4, 6)]
        >>> fit = ll.decompose_cp(np.einsum("ir,jr,kr->ijk", *parts), 2, rng=0, certify=False)
        >>> fit.components()["factor_mode 1"].sizes
        Frozen({'mode 1': 4, 'component': 2})
        """
        return labelled_parts(self.like, self.factors, "component", {"strength": self.strengths})

    @cached_property
    def core_consistency(self) -> float:
        """Share, in per cent, of a full Tucker core on the same factors that the components alone explain.

        One hundred: the tensor has no interactions of different components; far below, or negative: there are
        too many components, or the model does not hold. Missing cells are filled by the model. It is a
        descriptive number, no proof.

        References
        ----------
        R. Bro, H. A. L. Kiers, A new efficient method for determining the number of components in PARAFAC
        models, Journal of Chemometrics 2003.
        """
        pieces = [np.linalg.pinv(factor) for factor in self.factors]
        core = multiply_modes(self._filled(), pieces)
        ideal = np.zeros_like(core)
        ideal[(np.arange(self.rank),) * core.ndim] = self.strengths
        size = float(np.sum(ideal**2))
        return float(100 * (1 - np.sum((core - ideal) ** 2) / size)) if size > 0 else 0.0

    @cached_property
    def cosines(self) -> Matrix:
        """Cosines of components with each other, shape (R, R): products over modes."""
        cosines = np.ones((self.rank, self.rank))
        for factor in map(of_length_one, self.factors):
            cosines *= factor.T @ factor
        return cosines

    @property
    def cancels(self) -> bool:
        """Whether two components nearly cancel each other: there may be no best decomposition at all.

        Then errors fall for ever while components grow; fewer components or nonnegative modes help.
        """
        return bool(self.cosines.min(initial=0.0) < CANCELLING)

    def congruence(self, factors: Any) -> Vector:
        """Return how well components agree with others: the cosine of each with the one matched with it.

        Parameters
        ----------
        factors : CPFit or sequence of array_like, shapes (I_n, R)
            In any order and scale.

        Returns
        -------
        ndarray, shape (R,)
            Products of cosines over modes, absolute, in the order of these components; zero without one.
        """
        given = factors.factors if isinstance(factors, CPFit) else factors
        others = [np.asarray(factor, np.float64) for factor in given]
        lengths = [factor.shape[0] if factor.ndim == 2 else -1 for factor in others]
        if tuple(lengths) != self.shape:
            raise InvalidInputError(
                "the factors are not those of such a tensor",
                f"lengths {lengths} for shape {self.shape}",
                fix="pass one matrix per mode, a column per component",
            )
        return matched_cosines(self.factors, others)

    def split_half(self, mode: int = 0, *, rng: RandomSource = None) -> Vector:
        """Return how well the components of one half of the data agree with those of the other.

        Parameters
        ----------
        mode : int
            Whose slices are halved at random: that of samples, any of which should have the same components.
        rng : int, Generator or None
            Source of randomness.

        Returns
        -------
        ndarray, shape (R,)
            Products of cosines over the other modes, of components matched with each other, descending.
            Near one: they do not hang on the choice of samples. It is a descriptive number, no proof.

        Raises
        ------
        InvalidInputError
            If there is no such mode, it has fewer than four slices, or half of the data leaves a slice of
            another mode without a known cell.

        References
        ----------
        R. A. Harshman, W. S. De Sarbo, An application of PARAFAC to a small sample problem, in: Research
        Methods for Multimode Data Analysis, 1984.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(1)
        >>> parts = [rng.random((length, 2)) for length in (12, 8, 7)]
        >>> noisy = np.einsum("ir,jr,kr->ijk", *parts) + 0.01 * rng.standard_normal((12, 8, 7))
        >>> bool(ll.decompose_cp(noisy, 2, rng=0).split_half(rng=0).min() > 0.95)
        True
        """
        return split_half(self.objective, mode, make_generator(rng))

    def _predicted(self, at: NDArray[np.int64]) -> Vector:
        return products(self.factors, at) @ self.strengths

    def _dense(self) -> Matrix:
        first, *others = self.factors
        return ((first * self.strengths) @ all_products(others).T).reshape(self.shape)

    def _quality(self) -> list[str]:
        return [
            f"relative error {self.relative_error:.3g} on the known cells, "
            f"core consistency {self.core_consistency:.3g} %",
            f"strengths {', '.join(f'{strength:.4g}' for strength in self.strengths)}",
        ]

    def _remarks(self) -> list[str]:
        remarks = [f"{words}: {modes}" for words, modes in asked_of(self.objective.constraints)]
        if self.cancels:
            remarks.append(
                "components nearly cancel each other: there may be no best decomposition; use fewer of them, "
                "or nonnegative modes"
            )
        return remarks

    def _model_page(self, names: Sequence[str], coordinates: Coordinates) -> ModelPage:
        from lowland.tensors.cp.page import component_figures, components_table, uniqueness_sentences
        from lowland.tensors.page_parts import ModelPage

        plural, consistency = "s" if self.rank > 1 else "", self.core_consistency
        sentences = uniqueness_sentences(self.certificate, self.relative_error)
        if self.cancels:
            sentences.append(
                "Two components nearly cancel each other, as they do where no best decomposition exists: use "
                "fewer of them, or nonnegative modes."
            )
        return ModelPage(
            title="CP decomposition",
            described_by=f"{self.rank} component{plural}; the core consistency is {consistency:.3g} %.",
            sentences=sentences,
            size=("components", str(self.rank)),
            quality=("core consistency", f"{consistency:.4g} %"),
            remarks=asked_of(self.objective.constraints),
            tables=[components_table(self.strengths, self.cosines)],
            figures=component_figures(self.factors, self.objective.kept_scales, names, coordinates),
        )
