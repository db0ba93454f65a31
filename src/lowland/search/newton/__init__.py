"""Steps by models of second order: Gauss-Newton and Newton steps, with priors or one factor eliminated."""
