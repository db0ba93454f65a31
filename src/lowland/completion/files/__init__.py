"""Model files: what is written of a fitted table, and how it is read."""
