"""Text files: encodings, delimiters, header lines."""
