"""Completion of tables: how one is asked for, fitted, calibrated, saved and reported."""
