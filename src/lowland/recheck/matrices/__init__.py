"""Re-checks of what is proved about matrices and tables, from plain arrays."""
