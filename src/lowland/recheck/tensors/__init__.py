"""Re-checks of what is proved about tensors."""
