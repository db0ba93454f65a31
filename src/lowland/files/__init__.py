"""Tables and arrays in, models and checkpoints in and out. Nothing read is ever executed."""

from lowland.files.covariates import Covariates, read_covariates
from lowland.files.queries import read_sql
from lowland.files.tables import read_table

__all__ = ["Covariates", "read_covariates", "read_sql", "read_table"]
