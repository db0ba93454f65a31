"""Judges of a finished point. They rely on nothing that the solver reported."""

from lowland.certificates.judge import Judge, Judges
from lowland.certificates.judges import JUDGES, MATRIX_CLAIMS
from lowland.certificates.judging import judge, usual_work
from lowland.certificates.settings import Settings

__all__ = ["JUDGES", "MATRIX_CLAIMS", "Judge", "Judges", "Settings", "judge", "usual_work"]
