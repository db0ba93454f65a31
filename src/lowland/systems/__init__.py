"""The wirings: which parts make up a recovery, a completion, a diagnosis."""
