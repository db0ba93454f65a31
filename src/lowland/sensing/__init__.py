"""Recovery of matrices from linear measurements: multistart, second solutions, intervals, quantum states."""
