"""What a search and its judges return: records, findings, verdicts, verifications."""
