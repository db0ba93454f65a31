"""Errors of a fit that go together along a context of cells, such as time: a layer around the fit."""
