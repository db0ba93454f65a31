"""Rows that are variables: units of their own, by a layer around a fit, where cells held out show a gain."""
