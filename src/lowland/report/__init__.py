"""Text, plots and the self-contained HTML page, drawn from plain records."""
