"""What the columns of a table hold: data, or what a fit leaves as it is."""
