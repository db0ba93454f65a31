"""Missing cells filled by averages over draws: `complete_tensor`."""
