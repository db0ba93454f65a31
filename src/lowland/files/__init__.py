"""Read tables and arrays, read and write models and checkpoints. Nothing that is read is ever executed."""

from lowland.files.covariates import Covariates, read_covariates
from lowland.files.queries import read_sql
from lowland.files.tables import read_table

__all__ = ["Covariates", "read_covariates", "read_sql", "read_table"]
