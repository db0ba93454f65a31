"""Method "map": least squares or other losses with penalties, its choices, errors and page."""
