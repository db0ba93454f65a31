"""Save and load fitted tables without pickle, and write reports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lowland.completion.auditing.document import judged_document
from lowland.completion.files.models import levels_as_data, load_model, save_model
from lowland.completion.tables.completed import Completed
from lowland.core.results.findings import Certificate
from lowland.estimators.frames.held import Written, written_as_data, written_from_data
from lowland.estimators.frames.kinds import Levels
from lowland.estimators.parameters import parameters_as_data, parameters_from_data
from lowland.files.certificates import write_certificate
from lowland.files.columns.finding_totals import FoundSums
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.cells.sides import TableCells
    from lowland.recheck.documents import Document
    from lowland.report.page import Page


class _SavedTable(Reported):
    """The methods of `MatrixCompletion` that write and read files."""

    _completed: Completed
    _elsewhere: TableCells | None
    certificate_: Certificate | None
    levels_: Levels
    untouched_: tuple[Any, ...]
    label_column_: Any
    _is_single: bool
    _time: tuple[str, str]
    _sums: FoundSums
    _written: Written
    _counts: tuple[Any, ...]
    _signed: tuple[Any, ...]

    def report(self, path: str | os.PathLike[str], *, title: str = "Completion of a table") -> None:
        """Write a self-contained HTML report, which includes a trial fit with held-out cells.

        Parameters
        ----------
        path : path
        title : str

        Raises
        ------
        UnsupportedError
            If the model was saved without its data.
        """
        from lowland.report.page import write_report

        write_report(path, self._page(title))

    def _page(self, title: str = "Completion of a table") -> Page:
        from lowland.completion.page import report_page

        check_is_fitted(self)
        path = vars(self).get("rank_path_")
        named = self._completed.labels.columns
        names = [] if named is None else named.tolist()
        levels = {
            j: self.levels_[name] for j, name in enumerate(names) if len(self.levels_.get(name, ())) > 1
        }
        return report_page(self._completed, path, self.certificate_, title=title, levels=levels)

    def save(self, path: str | os.PathLike[str], *, data: bool = True) -> None:
        """Write the fitted model to an .npz file without pickle, atomically.

        Parameters
        ----------
        path : path
            File for `MatrixCompletion.load` and `lowland predict`.
        data : bool
            Whether to write the fitted cells too. Without them the model predicts, but cannot be updated,
            judged, or leave out what a row has already.
        """
        check_is_fitted(self)
        done = self._completed
        about = {
            "named": "feature_names_in_" in vars(self),
            "levels": levels_as_data(self.levels_),
            "untouched": list(self.untouched_),
            "label_column": self.label_column_,
            "single": self._is_single,
            "time": list(self._time),
            "written": written_as_data(self._written),
            **self._sums.as_data(),
            "counts": list(self._counts),
            "signed": list(self._signed),
            "parameters": parameters_as_data(self),
        }
        fingerprint = done.cells_fitted
        certificate, seed = self.certificate_, done.seed
        save_model(
            path,
            done.table,
            certificate=certificate,
            seed=seed,
            cells=fingerprint,
            about=about,
            data=data,
        )

    def save_certificate(self, path: str | os.PathLike[str]) -> None:
        """Write the certificate with its point, but without the data, for `lowland.verify`.

        Of missing cells it holds which were held out, and their intervals by the audit's fit; that this fit
        has not seen them is taken on trust. Of an optimum it holds the point.

        Parameters
        ----------
        path : path
            Path of the file (JSON); an existing file is replaced.

        Raises
        ------
        UnsupportedError
            If the model was not certified since it was fitted or loaded. Of cells that are not in memory
            certificates of missing cells are written, up to a million cells.

        Examples
        --------
        >>> import numpy as np, lowland as ll, pathlib, tempfile
        >>> table = np.outer(np.arange(1.0, 7.0), np.arange(1.0, 6.0)) + np.eye(6, 5)
        >>> table[0, 1] = table[3, 2] = np.nan
        >>> model = ll.MatrixCompletion(rank=1, method="map", penalty=0.1, random_state=0).fit(table)
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.json"
        >>> model.save_certificate(path)
        >>> ll.verify(path, table).is_confirmed
        True
        """
        check_is_fitted(self)
        write_certificate(path, self._document())

    def _document(self) -> Document:
        """Return the certificate with what is needed to derive it again."""
        if self._elsewhere is None:
            return judged_document(self._completed, self.certificate_)
        from lowland.completion.elsewhere.document import document_of_cells

        return document_of_cells(self._completed, self._elsewhere, self.certificate_)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return an estimator with a model written by `save` or by the command line.

        Parameters
        ----------
        path : path

        Returns
        -------
        MatrixCompletion
            Fitted, with its saved settings (a random state only if it was an int). It does all that it did
            before it was saved; if it was saved without its data, methods that need them (updates,
            completions, Fisher and conformal intervals, draws of a fit without a posterior) raise
            UnsupportedError.
        """
        table, header = load_model(path)
        loaded: Any = cls()
        loaded.set_params(**parameters_from_data(header.get("parameters", {})))
        loaded.dtype = header.get("dtype", str(table.model.parts().row_factors.dtype))
        loaded.n_features_in_ = table.model.shape[1]
        loaded.certificate_ = None
        loaded.levels_ = {name: tuple(words) for name, words in header.get("levels", [])}
        loaded.untouched_ = tuple(header.get("untouched", ()))
        loaded.label_column_ = header.get("label_column", "")
        loaded._is_single = bool(header.get("single", False))
        name, written = header.get("time", ("", ""))
        loaded._time = name, written
        loaded._written = written_from_data(header.get("written", ()))
        loaded._sums = FoundSums.from_data(header)
        loaded._counts = tuple(header.get("counts", ()))
        loaded._signed = tuple(header.get("signed", ()))
        loaded.method_ = table.method
        loaded._set(Completed(table, int(header["seed"]), stored=header.get("cells", "")))
        if header.get("named"):
            loaded.feature_names_in_ = np.asarray(table.model.labels.columns, dtype=object)
        fitted: Self = loaded
        return fitted
