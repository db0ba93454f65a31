"""The known cells of a table in memory: labels, fingerprints, frames."""
