"""Elimination modulo primes, and exact integers."""
