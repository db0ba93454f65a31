"""Eight rows at once in vector registers."""
