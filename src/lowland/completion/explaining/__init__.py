"""What a prediction leans on: the known cells of its row."""
