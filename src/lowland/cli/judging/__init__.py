"""What is judged: the options of such commands and how they end, and what is read to check documents."""
