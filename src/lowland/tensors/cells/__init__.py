"""Known cells of tensors, in memory and on the disk, and their unfoldings."""
