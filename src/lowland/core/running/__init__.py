"""Progress, stages and interrupts of long work."""
