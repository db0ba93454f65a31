"""Fits of cells that are not in memory: on the disk or on a cluster."""
