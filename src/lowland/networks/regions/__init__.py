"""Activation regions: their patterns and shares, what is proved about their minima, surveys, pages."""
