"""scikit-learn faces of the systems."""

from lowland.estimators.matrix_completion import MatrixCompletion

__all__ = ["MatrixCompletion"]
