"""Tensors from files, tables and array stores."""
