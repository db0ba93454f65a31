"""Sums of products of one vector per mode: model, objective, searches, fit, page."""
