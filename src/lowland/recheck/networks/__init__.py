"""Re-checks of what is proved about ReLU networks."""
