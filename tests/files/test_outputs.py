"""Text files: labels that spreadsheets would run are guarded, cells never are."""

import csv

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


@pytest.mark.parametrize(
    "label", [" =4", "＝5", "\u3000＋A1", "\ufeff=1+1", "\u200b @x", "\n-x", "\t=1", "－3"]
)
def test_blanks_wide_letters_and_unseen_marks_hide_no_formula(label, tmp_path):
    path = tmp_path / "t.csv"
    with pytest.warns(UserWarning, match="begin as formulas do"):
        write_rows(path, ("who", "b"), [(label, 1.0)], labels=1)
    with path.open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["who"] == f"'{label}"


@pytest.mark.parametrize("label", [" 4", "a=4", "\u200b", "'=1", " -3", "\r1"])
def test_other_labels_are_written_as_they_are(label, tmp_path):
    write_rows(tmp_path / "t.csv", ("who", "b"), [(label, 1.0)], labels=1)
    assert "'" not in (tmp_path / "t.csv").read_text().replace(label, "")


def test_numbers_beside_words_are_text_in_parquet_and_gaps_are_null(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [("a", 2.5, ""), ("b", "sand", 0.5), ("c", np.int64(3), "")]
    write_rows(tmp_path / "t.parquet", ("who", "what", "how sure"), rows)
    assert parquet.read_table(tmp_path / "t.parquet").to_pydict() == {
        "who": ["a", "b", "c"],
        "what": ["2.5", "sand", "3"],
        "how sure": [None, 0.5, None],
    }
