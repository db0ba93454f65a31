"""Audits: known cells hidden once so that what they show is proved of the missing cells."""
