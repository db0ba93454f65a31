"""Audits of filled tensors: cells held out of a fit of all else, and what they prove about missing cells."""
