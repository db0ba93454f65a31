"""Tables written back with their holes filled, and nothing else changed."""
