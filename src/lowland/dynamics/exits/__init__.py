"""Times until dynamics leave a well: simulated, split, solved for and approximated."""
