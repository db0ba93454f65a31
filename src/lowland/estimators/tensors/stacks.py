"""Slices of a tensor as samples: what estimators of tensors share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import validate_data

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.estimators.parameters import _Estimator
from lowland.tensors.named_modes import values_of


class _Stack(TransformerMixin, _Estimator):
    """An estimator whose samples are slices along the first mode, or rows of slices flattened in C order."""

    shape: tuple[int, ...] | None
    # of one sample, as it is given
    _slice_shape: tuple[int, ...]

    def _read(self, X: ArrayLike, *, reset: bool) -> Matrix:
        """Return slices as a tensor, in single or double precision."""
        stack: Vector = validate_data(
            self,
            values_of(X),
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            allow_nd=True,
        )
        if stack.ndim < 2:
            raise InvalidInputError(
                "slices must have at least one dimension. Reshape your data", f"shape {stack.shape}"
            )
        if reset:
            self._slice_shape = stack.shape[1:]
        elif stack.shape[1:] != self._slice_shape:
            raise InvalidInputError(
                "slices have another shape",
                f"{stack.shape[1:]}",
                fix=f"pass slices of shape {self._slice_shape}",
            )
        if stack.ndim > 2:
            return stack
        inner = (stack.shape[1], 1) if self.shape is None else tuple(self.shape)
        if int(np.prod(inner)) != stack.shape[1]:
            raise InvalidInputError(
                "shape does not fit the features", f"{inner} for {stack.shape[1]} features"
            )
        return stack.reshape(len(stack), *inner)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
