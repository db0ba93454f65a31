"""Long and wide tables, from cells as files have them."""
