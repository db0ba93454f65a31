"""What a fit is compared with: plain baselines on held-out cells, and how sure a difference is."""
