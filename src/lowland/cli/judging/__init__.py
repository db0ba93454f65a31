"""What is judged: the options of such commands and how they end, and documents that are checked."""
