"""Records, protocols, verdicts, errors and random streams: what every other room speaks."""
