"""The experiments by name."""

from __future__ import annotations

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.reproduce.bhojanapalli2016 import BHOJANAPALLI_2016
from lowland.reproduce.experiment import Experiment
from lowland.reproduce.frandsen2020 import FRANDSEN_2020
from lowland.reproduce.gao2018 import GAO_2018
from lowland.reproduce.karhadkar2023 import KARHADKAR_2023
from lowland.reproduce.qiao2024 import QIAO_2024
from lowland.reproduce.zhang2018 import ZHANG_2018

_ALL = (BHOJANAPALLI_2016, FRANDSEN_2020, GAO_2018, KARHADKAR_2023, QIAO_2024, ZHANG_2018)
EXPERIMENTS = {experiment.name: experiment for experiment in _ALL}


@public("lowland.reproduce")
def find_experiment(name: str) -> Experiment:
    """Return an experiment by name.

    Parameters
    ----------
    name : str
        A key of the list that ``lowland reproduce --list`` prints.

    Returns
    -------
    Experiment

    Raises
    ------
    InvalidInputError
        If it is unknown.

    Examples
    --------
    >>> from lowland.reproduce import find_experiment
    >>> find_experiment("zhang2018").title
    'A false minimum at restricted isometry one half'
    """
    if name not in EXPERIMENTS:
        raise InvalidInputError(
            "the experiment is unknown", repr(name), fix=f"use one of {', '.join(EXPERIMENTS)}"
        )
    return EXPERIMENTS[name]
