"""Protocols of what pages on regions read."""

from __future__ import annotations

from typing import Protocol

from lowland.core.arrays import Vector
from lowland.core.results.findings import Certificate
from lowland.networks.regions.activation import Activation
from lowland.networks.regions.program import RegionOptimum
from lowland.networks.regions.share import Share


class JudgedRegion(Protocol):
    """An activation region with what is proved about it."""

    @property
    def activation(self) -> Activation:
        """Patterns, kinks, dead points and neurons."""

    @property
    def optimum(self) -> RegionOptimum | None:
        """The best network of the region, if it was computed."""

    @property
    def rank(self) -> int:
        """Rank of the Jacobian of the predictions with respect to the trained weights."""

    @property
    def n_points(self) -> int:
        """Number of data points."""

    @property
    def certificate(self) -> Certificate:
        """Findings on the claim `no_bad_minimum_in_region`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know besides."""

    def about_network(self) -> list[str]:
        """Return what is known of the network itself."""

    def facts(self) -> list[tuple[str, str]]:
        """Return the computed facts, as pairs of name and text."""


class SurveyedRegions(Protocol):
    """Properties of drawn activation regions of one hidden layer."""

    @property
    def full(self) -> Share:
        """Regions whose Jacobian has full row rank."""

    @property
    def global_minimum(self) -> Share | None:
        """Regions whose closure has a network of zero loss, if targets were given."""

    @property
    def bad_minimum(self) -> Share | None:
        """Regions with a minimum of positive loss inside, if targets were given."""

    @property
    def best_losses(self) -> Vector | None:
        """The best loss of each region drawn."""

    @property
    def width(self) -> int:
        """Number of neurons."""

    @property
    def n_points(self) -> int:
        """Number of data points."""

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""

    @property
    def law(self) -> str:
        """How regions were drawn."""

    @property
    def regions(self) -> int:
        """Upper bound on the number of regions."""

    @property
    def summary(self) -> str:
        """What was found of bad minima, in a sentence."""
