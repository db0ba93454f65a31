"""Estimators with the interface of scikit-learn."""

from lowland.estimators.matrix_completion import MatrixCompletion
from lowland.estimators.matrix_sensing import MatrixSensing
from lowland.estimators.stable_spline import StableSplineRegressor
from lowland.estimators.tucker_decomposition import TuckerDecomposition

__all__ = ["MatrixCompletion", "MatrixSensing", "StableSplineRegressor", "TuckerDecomposition"]
