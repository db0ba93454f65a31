"""What tables and tensors share of Bayesian models: posteriors, draws, and priors learnt for each side."""
