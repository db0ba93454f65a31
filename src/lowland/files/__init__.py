"""Read tables and arrays, read and write models and checkpoints. Nothing that is read is ever executed."""
