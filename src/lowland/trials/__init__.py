"""Trials: what is hidden, what is compared on it, and how sure a gain must be."""
