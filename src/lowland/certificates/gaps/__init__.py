"""Lower bounds on the optimum, and whether a point reaches them."""
