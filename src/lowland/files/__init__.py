"""Tables and arrays in, models and checkpoints in and out. Nothing read is ever executed."""

from lowland.files.tables import read_table

__all__ = ["read_table"]
