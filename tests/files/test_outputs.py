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


def test_numbers_beside_words_are_text_in_parquet_and_gaps_are_null(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [("a", 2.5, ""), ("b", "sand", 0.5), ("c", np.int64(3), "")]
    write_rows(tmp_path / "t.parquet", ("who", "what", "how sure"), rows)
    assert parquet.read_table(tmp_path / "t.parquet").to_pydict() == {
        "who": ["a", "b", "c"],
        "what": ["2.5", "sand", "3"],
        "how sure": [None, 0.5, None],
    }
