"""Quantum states from counts: `estimate_state`, functions of states, their page."""
