"""Layer of bounds: what is predicted and drawn lies within what is possible."""
