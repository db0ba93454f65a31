"""Univariate networks as linear splines: stable minima, their selection by large steps, sums of splines."""
