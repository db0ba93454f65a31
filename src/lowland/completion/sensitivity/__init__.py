"""What if missing values differ from what the known ones predict: drawn tables with shifted missing cells."""
