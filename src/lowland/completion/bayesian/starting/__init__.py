"""Where factors start: at a first point, or grown one by one from what residuals hold beyond noise."""
