"""Re-checks: every number and word of a certificate is derived again, from the data alone.

Nothing here calls the judges, the objectives or the search: only NumPy, plain arrays, and formulas written
again. It is slow and short on purpose, so that it is easy to read and free to disagree.
"""
