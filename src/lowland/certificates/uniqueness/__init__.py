"""Whether the data determine the answer, everywhere or nearby."""
