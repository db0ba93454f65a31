"""Completion of tables: plans, fits, calibration, model files and reports."""
