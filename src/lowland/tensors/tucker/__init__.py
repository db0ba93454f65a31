"""Tensors of low Tucker rank: model, objective, searches, fit, page."""
