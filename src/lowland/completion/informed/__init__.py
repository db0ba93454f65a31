"""Layer of cells about which the known cells say nothing, or no more than that of their column."""
