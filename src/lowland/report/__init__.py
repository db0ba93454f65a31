"""Text, plots and the self-contained HTML page. What is drawn comes in as plain records."""
