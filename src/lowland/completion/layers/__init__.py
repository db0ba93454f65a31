"""Layers around a fitted table: what is done to a table before the fit, and to predictions after it."""
