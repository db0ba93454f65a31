"""Curvature at a point: Hessians, Jacobians and their extreme eigenvalues."""
