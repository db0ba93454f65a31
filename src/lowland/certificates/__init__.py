"""Judges of a finished point. They rely on nothing that the solver reported."""

from lowland.certificates.judge import Judge, Judges
from lowland.certificates.judges import JUDGES, MATRIX_CLAIMS
from lowland.certificates.judging import judge, usual_work
from lowland.certificates.settings import JudgeSettings

__all__ = ["JUDGES", "MATRIX_CLAIMS", "Judge", "JudgeSettings", "Judges", "judge", "usual_work"]
