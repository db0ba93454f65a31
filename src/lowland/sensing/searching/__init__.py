"""Searches of a recovery: solvers by name, which attempts are made, and how bad ends are left."""
