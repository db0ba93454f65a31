"""Layer of censored cells: numbers of which no more is known than a bound."""
