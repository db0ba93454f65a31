"""Tensors as estimators have them: slices are samples."""
