"""Recovery of matrices from linear measurements: many starts, second answers, intervals, states."""
