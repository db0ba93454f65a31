"""Small linear systems, one per row of a table, in three forms."""
