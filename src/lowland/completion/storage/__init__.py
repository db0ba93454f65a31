"""Tables on the disk: their parts, contents and sorted blocks."""
