"""Derivatives of a ReLU network's outputs by its weights, as functions of its neurons' scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.networks.network import pre_activations


@final
@dataclass(frozen=True, eq=False)
class ReluLayers:
    """Weights and biases of a chain of fully connected layers with ReLU between them, any number of outputs.

    Parameters
    ----------
    weights : tuple of ndarray, shapes (d_1, d_0), ..., (m, d_L)
    biases : tuple of ndarray or None
    """

    weights: tuple[Matrix, ...]
    biases: tuple[Vector | None, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of neurons of the hidden layers."""
        return tuple(len(weights) for weights in self.weights[:-1])

    def before(self, inputs: Matrix) -> list[Matrix]:
        """Return the pre-activations of every layer, the outputs last."""
        return pre_activations(self.weights, self.biases, inputs)

    def rescaled(self, logs: Vector) -> ReluLayers:
        """Return the same function, input weights of every neuron times a factor, given by its logarithm."""
        weights, biases, before = [], [], np.ones(self.weights[0].shape[1])
        factors = [*np.split(np.exp(logs), np.cumsum(self.widths)[:-1]), np.ones(len(self.weights[-1]))]
        for matrix, bias, factor in zip(self.weights, self.biases, factors, strict=True):
            weights.append(matrix * factor[:, None] / before)
            biases.append(None if bias is None else bias * factor)
            before = factor
        return ReluLayers(tuple(weights), tuple(biases))


@final
class RescaledKernel:
    """The kernel K(x) of all derivatives, x the logarithms of the hidden neurons' factors.

    Parameters
    ----------
    layers : ReluLayers
    inputs : ndarray, shape (n, d_0)
    roots : ndarray, shape (n, m, m)
        Of each point: R with R^T R the Hessian of the loss by the outputs.
    """

    widths: tuple[int, ...]
    n: int
    rows: int

    def __init__(self, layers: ReluLayers, inputs: Matrix, roots: Matrix) -> None:
        before = layers.before(inputs)
        self.widths, self.n, self.rows = layers.widths, len(inputs), roots.shape[0] * roots.shape[1]
        # one row per point and output; what each layer reads, and the derivatives by its pre-activations
        m = roots.shape[1]
        self.read: list[Matrix] = [
            np.repeat(layer, m, axis=0) for layer in (inputs, *(np.maximum(z, 0) for z in before[:-1]))
        ]
        self.slopes: list[Matrix] = [roots.reshape(self.rows, m)]
        for weights, z in zip(layers.weights[:0:-1], before[-2::-1], strict=True):
            self.slopes.insert(0, (self.slopes[0] @ weights) * np.repeat(z > 0, m, axis=0))
        self.biased: list[bool] = [bias is not None for bias in layers.biases]

    def layers(self, x: Vector) -> list[tuple[Matrix, Matrix]]:
        """Return for each layer what it reads and its slopes, one row each, rescaled; biases read ones."""
        logs = [
            np.zeros(self.read[0].shape[1]),
            *np.split(x, np.cumsum(self.widths)[:-1]),
            np.zeros(self.slopes[-1].shape[1]),
        ]
        layers = []
        for k, (read, slopes) in enumerate(zip(self.read, self.slopes, strict=True)):
            ones = np.ones((self.rows, int(self.biased[k])))
            layers.append((np.hstack([read * np.exp(logs[k]), ones]), slopes * np.exp(-logs[k + 1])))
        return layers

    def kernel(self, x: Vector) -> Matrix:
        """Return K / n, shape (rows, rows)."""
        total = sum((read @ read.T) * (slopes @ slopes.T) for read, slopes in self.layers(x))
        return np.asarray(total / self.n)

    def excess(self, x: Vector, P: Matrix) -> Vector:
        """Return half the derivative of tr(P K) / n by x: what leaves each neuron minus what enters it."""
        into, out = [], []
        for read, slopes in self.layers(x):
            out.append(np.einsum("nj,nj->j", read, (P * (slopes @ slopes.T)) @ read))
            into.append(np.einsum("nj,nj->j", slopes, (P * (read @ read.T)) @ slopes))
        flows = [o[: i.size] - i for o, i in zip(out[1:], into[:-1], strict=True)]
        return np.concatenate(flows) / self.n

    def shares(self, x: Vector, weights: Vector, vectors: Matrix) -> list[Matrix]:
        """Return tr(P g_e g_e^T) / n of every weight and bias, P = sum of weights times vectors."""
        shares = []
        for read, slopes in self.layers(x):
            parts = ((slopes * u[:, None]).T @ read for u in vectors.T)
            total = sum(w * part * part for w, part in zip(weights, parts, strict=True))
            shares.append(np.asarray(total / self.n))
        return shares
