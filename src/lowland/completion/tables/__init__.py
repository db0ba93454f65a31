"""What every fitted table offers, whatever the method: predictions, intervals, trials, updates."""
