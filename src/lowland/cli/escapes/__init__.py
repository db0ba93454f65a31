"""What `lowland escape` is asked, and the dichotomy of paths near a minimum."""
