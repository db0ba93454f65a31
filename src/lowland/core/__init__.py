"""Records, protocols, verdicts, errors and random streams: the vocabulary of all other packages."""
