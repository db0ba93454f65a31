"""Methods "variational" and "gibbs": factors with learnt priors, averaged over their posterior."""
