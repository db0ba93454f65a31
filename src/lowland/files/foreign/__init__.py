"""Formats of others: spreadsheets, databases, columnar files, JSON, Matrix Market."""
