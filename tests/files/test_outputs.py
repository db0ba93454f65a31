"""Text files: labels that spreadsheets would run are guarded, cells never are."""

import numpy as np
import pytest

from lowland.files.outputs import write_rows


def test_labels_are_guarded_and_cells_are_not(tmp_path):
    rows = [("=1+1", "-", np.float64(0.1), -1.5), ("a", "+x", "@y", "-2")]
    with pytest.warns(UserWarning, match="1 labels begin as formulas do"):
        write_rows(tmp_path / "t.csv", ("who", "b", "c", "d"), rows, labels=1)
    assert (tmp_path / "t.csv").read_text() == "who,b,c,d\n'=1+1,-,0.1,-1.5\na,+x,@y,-2\n"
    write_rows(tmp_path / "t.csv", ("who", "b", "c", "d"), rows, labels=1, formulas=True)
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "=1+1,-,0.1,-1.5"
