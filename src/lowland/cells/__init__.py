"""Known cells sorted by one side or mode after the other, wherever they are."""
