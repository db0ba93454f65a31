"""Method "gaussian": rows as draws from one Gaussian of any covariance."""
