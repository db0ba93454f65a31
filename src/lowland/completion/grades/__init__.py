"""Probabilities of grades, such as one to five stars, by cut points and the habits of rows."""
