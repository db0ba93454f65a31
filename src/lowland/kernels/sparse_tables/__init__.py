"""Products of sparse tables with blocks."""
