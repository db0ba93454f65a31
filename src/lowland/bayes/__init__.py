"""Parts of Bayesian models shared by tables and tensors: posteriors, draws, and learnt priors."""
