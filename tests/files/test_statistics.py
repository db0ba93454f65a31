"""Completed tables as files of Stata and SPSS, with the labels that they came with, and lists as sheets."""

import datetime

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table
from lowland.files.writing.filled import ColumnFills, Filled
from lowland.files.writing.writing import write_filled

pyreadstat = pytest.importorskip("pyreadstat")

N = 12
FRAME = pd.DataFrame(
    {
        "id": [f"p{k}" for k in range(N)],
        "sex": [None if k == 4 else 1 + k % 2 for k in range(N)],
        "x": [None if k == 7 else 1.5 * k for k in range(N)],
        "scale": [1 + k % 3 for k in range(N)],
        "day": [datetime.date(2020, 1, 1) + datetime.timedelta(k) for k in range(N)],
    }
)
LABELS = {"sex": {1: "male", 2: "female"}, "scale": {1: "low", 3: "high"}}
TITLES = {"sex": "Sex of the person", "x": "Some quantity"}
READ = {".dta": pyreadstat.read_dta, ".sav": pyreadstat.read_sav, ".zsav": pyreadstat.read_sav}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the same table as files of Stata and SPSS."""
    folder = tmp_path_factory.mktemp("statistics")
    for ending, write in ((".dta", pyreadstat.write_dta), (".sav", pyreadstat.write_sav)):
        write(FRAME, str(folder / f"t{ending}"), variable_value_labels=LABELS, column_labels=TITLES)
    return folder


def fill(source, path):
    """Fill the two holes of the table, and return what the file holds."""
    table = load_table(source, Reading(words=True))
    fills = {
        "sex": ColumnFills(np.array([4]), np.array([1.0]), ("female", "male")),
        "x": ColumnFills(np.array([7]), np.array([10.5])),
    }
    write_filled(path, Filled(original=table.original, fills=fills, form=table.form))
    return READ[path.suffix](str(path), output_format="dict")


@pytest.mark.parametrize("into", [".dta", ".sav", ".zsav"])
@pytest.mark.parametrize("of", [".dta", ".sav"])
def test_labels_come_back_with_the_numbers(files, tmp_path, of, into):
    cells, about = fill(files / f"t{of}", tmp_path / f"o{into}")
    expected = FRAME.fillna({"sex": 1, "x": 10.5})
    for name in FRAME.columns:
        assert cells[name] == expected[name].tolist(), name
    assert about.variable_value_labels == LABELS
    assert dict(zip(about.column_names, about.column_labels, strict=True)) == {
        name: TITLES.get(name) for name in FRAME.columns
    }


@pytest.mark.parametrize("ending", [".dta", ".sav"])
def test_kinds_and_formats_come_back(tmp_path, ending):
    """Whole numbers of Stata stay such, holes or not; SPSS shows as many decimals as before."""
    frame = FRAME.assign(
        scale=FRAME["scale"].astype("int16"), count=pd.array([None, *range(11)], "Int32"), day=7.5
    )
    told = {"variable_measure": {"scale": "ordinal"}, "variable_display_width": {"x": 12}}
    formats = {"x": "F10.3" if ending == ".sav" else "%9.3f"}
    write = pyreadstat.write_sav if ending == ".sav" else pyreadstat.write_dta
    some = {"variable_value_labels": LABELS, **(told if ending == ".sav" else {})}
    write(frame, str(tmp_path / f"t{ending}"), variable_format=formats, file_label="A survey", **some)
    before = READ[ending](str(tmp_path / f"t{ending}"))[1]
    cells, after = fill(tmp_path / f"t{ending}", tmp_path / f"o{ending}")
    for name in ("original_variable_types", "readstat_variable_types", "variable_measure", "file_label"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.variable_display_width["x"] == before.variable_display_width["x"]
    if ending == ".dta":
        assert after.readstat_variable_types["count"] == "int32"
    assert cells["count"][1:] == list(range(11))


def test_whole_numbers_of_text_are_whole_in_stata_and_shown_so_in_spss(tmp_path):
    whole = FRAME.assign(number=range(1001, 1013), large=3_000_000_000)[
        ["id", "number", "x", "scale", "large"]
    ]
    whole.to_csv(tmp_path / "t.csv", index=False)
    table = load_table(tmp_path / "t.csv", Reading(words=True))
    made = Filled(
        original=table.original,
        fills={"x": ColumnFills(np.array([7]), np.array([10.5]))},
        form=table.form,
    )
    for ending in (".dta", ".sav"):
        write_filled(tmp_path / f"o{ending}", made)
    kinds = pyreadstat.read_dta(str(tmp_path / "o.dta"))[1].readstat_variable_types
    assert kinds == {"id": "string", "number": "int32", "x": "double", "scale": "int32", "large": "double"}
    formats = pyreadstat.read_sav(str(tmp_path / "o.sav"))[1].original_variable_types
    assert (formats["number"], formats["x"]) == ("F8.0", "F8.2")


def test_text_becomes_numbers_and_text(tmp_path):
    FRAME.assign(sex=["a", "b", None] * 4, on=[True, False] * 6).to_csv(tmp_path / "t.csv", index=False)
    result = call("complete", "t.csv", "--rank", "1", "--no-certify", "--output", "o.dta", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    cells, _ = pyreadstat.read_dta(str(tmp_path / "o.dta"), output_format="dict")
    assert cells["scale"] == FRAME["scale"].tolist()
    assert cells["sex"][:2] == ["a", "b"]
    assert cells["on"] == ["True", "False"] * 6
    assert cells["x"][:7] == FRAME["x"].tolist()[:7]


def test_truth_values_are_numbers(tmp_path):
    FRAME[["id", "x"]].assign(on=[True, False] * 6).to_parquet(tmp_path / "t.parquet", index=False)
    table = load_table(tmp_path / "t.parquet", Reading(words=True))
    write_filled(tmp_path / "o.sav", Filled(original=table.original, fills={}, form=table.form))
    cells, _ = pyreadstat.read_sav(str(tmp_path / "o.sav"), output_format="dict")
    assert cells["on"] == [1, 0] * 6


def test_names_that_such_files_cannot_hold_are_refused(tmp_path):
    FRAME.rename(columns={"x": "a name"}).to_csv(tmp_path / "t.csv", index=False)
    result = call("complete", "t.csv", "--rank", "1", "--no-certify", "--output", "o.dta", cwd=tmp_path)
    assert_clean_error(result, "a .dta file cannot hold this table", "a name", "write a .csv")
    assert not (tmp_path / "o.dta").exists()


@pytest.mark.parametrize("ending", [".xlsx", ".sav"])
def test_long_tables_are_written_too(tmp_path, ending):
    pytest.importorskip("openpyxl")
    lines = [(f"u{u}", f"i{i}", (u * i) % 5 + 0.5) for u in range(6) for i in range(5) if (u + i) % 4]
    frame = pd.DataFrame(lines, columns=["user", "item", "rating"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    output = tmp_path / f"o{ending}"
    result = call("complete", "t.csv", "--rank", "1", "--no-certify", "--output", output, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    out = (
        pd.read_excel(output, engine="openpyxl")
        if ending == ".xlsx"
        else pd.DataFrame(pyreadstat.read_sav(str(output), output_format="dict")[0])
    )
    assert len(out) == 30
    known = out[out["observed"] == 1][["user", "item", "rating"]]
    assert sorted(map(tuple, known.to_numpy().tolist())) == sorted(lines)


# values that a file declares missing, by the kind of file, their labels, and those of further columns
DECLARED = {
    ".dta": ({"missing_user_values": {"q": ["a", "b"]}}, ("a", "b"), {"a": "refused", 1: "low"}),
    ".sav": ({"missing_ranges": {"q": [98, 99], "s": ["X"]}}, (98, 99), {99: "refused", 1: "low"}),
}


@pytest.mark.parametrize("ending", DECLARED)
def test_values_declared_missing_come_back_where_nothing_is_filled(tmp_path, ending):
    """They are missing for a fit, which is said, and keep their labels; those of text have labels in SPSS."""
    declared, values, labels = DECLARED[ending]
    q = [*values, None, *(float(k % 4) for k in range(N - 3))]
    s = ["X", "", *("yn"[k % 2] for k in range(N - 2))]
    frame = FRAME.assign(q=pd.Series(q, dtype=object if ending == ".dta" else float), s=s)
    labelled = {"q": labels, **({"s": {"y": "yes", "n": "no", "X": "refused"}} if ending == ".sav" else {})}
    write = pyreadstat.write_sav if ending == ".sav" else pyreadstat.write_dta
    write(frame, str(tmp_path / f"t{ending}"), variable_value_labels=labelled, **declared)
    table = load_table(tmp_path / f"t{ending}", Reading(words=True))
    assert f"cells that the file declares missing: 'q' (2){', ' if ending == '.sav' else ' '}" in " ".join(
        table.decided
    )
    assert np.isnan(table.observations.to_array()[:3, -2]).all()
    fills = {"q": ColumnFills(np.array([2]), np.array([2.0]))}
    write_filled(tmp_path / f"o{ending}", Filled(original=table.original, fills=fills, form=table.form))
    (before, was), (after, now) = (
        READ[ending](str(tmp_path / f"{name}{ending}"), output_format="dict", user_missing=True)
        for name in "to"
    )
    before["q"][2] = 2.0
    assert {name: list(map(str, cells)) for name, cells in after.items()} == {
        name: list(map(str, cells)) for name, cells in before.items()
    }
    for name in ("variable_value_labels", "missing_ranges", "missing_user_values"):
        assert getattr(now, name) == getattr(was, name), name
    # the other kind of file holds what it can
    other = {".dta": ".sav", ".sav": ".dta"}[ending]
    write_filled(tmp_path / f"o{other}", Filled(original=table.original, fills=fills, form=table.form))
    cells, _ = READ[other](str(tmp_path / f"o{other}"), output_format="dict")
    assert cells["s"][2:4] == (["yes", "no"] if ending == ".sav" else ["y", "n"])


def test_values_that_share_a_label_stay_apart(tmp_path):
    frame = FRAME.assign(scale=[1.0 + k % 3 for k in range(N)])
    labels = {"scale": {1.0: "low", 2.0: "low", 3.0: "high"}}
    pyreadstat.write_sav(frame, str(tmp_path / "t.sav"), variable_value_labels=labels)
    cells, about = fill_none(tmp_path / "t.sav", tmp_path / "o.sav")
    assert cells["scale"] == frame["scale"].tolist()
    assert about.variable_value_labels == labels


def test_moments_of_a_zone_are_text(tmp_path):
    frame = FRAME.assign(day=pd.date_range("2024-03-01", periods=N, tz="Europe/Berlin"))
    frame.to_parquet(tmp_path / "t.parquet")
    cells, _ = fill_none(tmp_path / "t.parquet", tmp_path / "o.dta")
    assert cells["day"][0] == "2024-03-01 00:00:00+01:00"


def fill_none(source, path):
    """Write a table as it is, and return what the file holds."""
    table = load_table(source, Reading(words=True))
    write_filled(path, Filled(original=table.original, fills={}, form=table.form))
    return READ[path.suffix](str(path), output_format="dict")
