"""Whether averages over draws, or over starts, have settled: how far filled cells still move by chance."""
