"""Rankings of the columns of rows: by predictions, by their lower bounds, by the chance to be chosen."""
