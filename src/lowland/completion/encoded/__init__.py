"""Words as levels, and skewed columns as powers, around a table of numbers."""
