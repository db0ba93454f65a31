"""Known cells, sorted by row and by column, wherever they are; their labels and summaries."""
