"""Protocols: what objectives and their parts offer, and who needs it."""
