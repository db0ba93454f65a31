"""Curvature of losses at networks of any depth, from products with their Hessians."""
