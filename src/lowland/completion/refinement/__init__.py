"""Forests and smooth curves on top of a fitted table, and how cells held out decide about them."""
