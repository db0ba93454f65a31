"""Fitted tables on disk: model files without pickle, and reports."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lowland.completion.completed import Completed
from lowland.completion.model_files import levels_as_data, load_model, save_model
from lowland.completion.report import report_page
from lowland.estimators.frames import Levels
from lowland.estimators.saved_parameters import parameters_as_data, parameters_from_data
from lowland.report.page import write_report


class _SavedTable:
    """The methods of a fitted `MatrixCompletion` that write files, and the one that reads."""

    _completed: Completed
    certificate_: Any
    levels_: Levels

    def report(self, path: str | os.PathLike[str], *, title: str = "Completion of a table") -> None:
        """Write a report as a self-contained HTML page; a trial on held-out cells is fitted for it.

        Parameters
        ----------
        path : path
        title : str

        Raises
        ------
        UnsupportedError
            If the model comes from a file.
        """
        check_is_fitted(self)
        path_of_rank = vars(self).get("rank_path_")
        write_report(path, report_page(self._completed, path_of_rank, self.certificate_, title=title))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to an .npz file that holds no pickle, whole or not at all.

        Parameters
        ----------
        path : path
            What `MatrixCompletion.load` and `lowland predict` read.
        """
        check_is_fitted(self)
        done = self._completed
        about = {
            "named": "feature_names_in_" in vars(self),
            "levels": levels_as_data(self.levels_),
            "parameters": parameters_as_data(self),
        }
        fingerprint = done.cells_fitted
        certificate, seed = self.certificate_, done.seed
        save_model(path, done.table, certificate=certificate, seed=seed, cells=fingerprint, about=about)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Any:
        """Return an estimator with a model that was written by `save` or by the command line.

        Parameters
        ----------
        path : path

        Returns
        -------
        MatrixCompletion
            Fitted, with the settings that it was saved with (a random state only if it was a number). It
            predicts and folds rows in; what needs the data (updates, completions, Fisher and conformal
            intervals, draws of a fit that is no posterior) raises UnsupportedError.
        """
        table, header = load_model(path)
        loaded: Any = cls()
        loaded.set_params(**parameters_from_data(header.get("parameters", {})))
        loaded.dtype = str(table.model.parts().row_factors.dtype)
        loaded.n_features_in_ = table.model.shape[1]
        loaded.certificate_ = None
        loaded.levels_ = {name: tuple(own) for name, own in header.get("levels", [])}
        loaded.method_ = table.method
        loaded._set(Completed(table, int(header["seed"]), stored=header.get("cells", "")))
        if header.get("named"):
            loaded.feature_names_in_ = np.asarray(table.model.labels.columns, dtype=object)
        return loaded
