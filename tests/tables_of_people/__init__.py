"""Tables as people have them, in small: what `lowland complete` and a fit of the data frame make of each."""
