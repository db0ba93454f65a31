"""Lines around a table that are no data: found, said, and written back where they stood."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.text.surroundings import count_notes
from round_trips import assert_only_filled, cells_of, complete_text, written_by

TABLE = """country,code,1960,1970,1980,1990
Aruba,ABW,1.5,2.5,3.5,4.5
Angola,AGO,2,,4,5
Chad,TCD,3,4,5,7
Togo,TGO,5,6,,8
"""
WORLD_BANK = """"Data Source","World Development Indicators",

"Last Updated Date","2023-07-25",

"""
NUMBERS = np.array([[1.5, 2.5, 3.5, 4.5], [2, np.nan, 4, 5], [3, 4, 5, 7], [5, 6, np.nan, 8]])
CITIES = "city,a,b\nBerlin,1,2\nBonn,2,3\nUlm,3,4\n"

# what separates the fields, what stands above and below, and what is said of these
AROUND = {
    "world bank": (
        ",",
        WORLD_BANK,
        "",
        "left out above the table: 'Data Source World Development",
        "and 1 more",
    ),
    "titles": (",", "Life, June\nin years\n", "", "'Life June' and 1 more line (--skip)"),
    "years above": (",", "Report\nPeriod,2020,2021\n\n", "", "'Report' and 1 more line"),
    "years a field short": (",", "Periods,2020,2021,2022,all\n\n", "", "'Periods 2020 2021 2022 all'"),
    "padded": (",", "Life,,,,,\nSource,World Bank,,,,\n,,,,,\n", "", "'Life' and 1 more line"),
    "semicolons": (";", "Leben; Juni\nStand: 2020\n\n", "Quelle: Welt, Genf\n", "'Quelle: Welt, Genf'"),
    "source": (",", "", "Source: Bank, 2020\n", "left out below the table: 'Source: Bank, 2020'"),
    "stars": (",", "", "\n* preliminary\n** estimated, see there\n", "'* preliminary' and 1 more line"),
    "blank": (",", "", "\n\n\nData from database: WDI\nmade at noon\n", "'Data from database: WDI'"),
    "padded below": (",", "", ",,,,,\nNotes: as reported,,,,,\n", "'Notes: as reported'"),
    "prose": (",", "", "all numbers are in years of life\n", "'all numbers are in years of life'"),
    "both": (
        "|",
        "# made here\nLife\n",
        "Source: us\n",
        "above the table: 'Life'",
        "below the table: 'Source",
    ),
    "quotation marks": (",", 'He said "no"\n', 'Note: "no", he said\n', "'Note: \"no\", he said'"),
}


@pytest.mark.parametrize("kind", AROUND)
def test_lines_around_a_table(tmp_path, kind):
    delimiter, above, below, *words = AROUND[kind]
    said, text = complete_text(tmp_path, "t.csv", above + TABLE.replace(",", delimiter) + below)
    start, end = len(above), len(text) - len(below)
    assert (text[:start], text[end:]) == (above, below)
    assert_only_filled(cells_of(TABLE), cells_of(text[start:end], delimiter))
    for one in words:
        assert one in said
    table = load_table(tmp_path / "completed.csv").observations  # what was written is read so again
    known = ~np.isnan(NUMBERS)
    np.testing.assert_array_equal(table.to_array()[known], NUMBERS[known])


def test_lines_that_are_said_to_stand_above(tmp_path):
    """Nothing tells that a list of numbers above a table is none of its rows."""
    above = "7,8\n9,10,11\n"
    (tmp_path / "t.csv").write_text(above + TABLE)
    with pytest.raises(FileFormatError, match="not a regular text table"):
        ll.read_table(tmp_path / "t.csv", form=TableFormat(header=True))
    said, text = complete_text(tmp_path, "t.csv", above + TABLE, "--skip", "2")
    assert text.startswith(above)
    assert_only_filled(cells_of(TABLE), cells_of(text[len(above) :]))
    assert "above" not in said
    assert ll.read_table(tmp_path / "t.csv", form=TableFormat(skip=2, drop=["code"])).shape == (4, 4)


def test_nothing_is_left_out_if_no_line_stands_above(tmp_path):
    (tmp_path / "t.csv").write_text("Title,,,,,\n" + TABLE)
    table = load_table(tmp_path / "t.csv", Reading(form=TableFormat(skip=0, header=True)))
    assert table.names == ("Title",)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n1,2\n3,4,5\n6,7,8\n9,1,2\n",  # a line that lost a field
        "city,a,b,\nBerlin,1,2\nBonn,2,3\nUlm,3,4\n",  # a header with a delimiter too many
        CITIES + "Rome,5\n",  # the last line was cut
        CITIES + "Ro",
        "the city,a,b\nOld York town,1,2\nNew York town,2\nUlm is there,3,4\nBonn is near,4,5\n",
        "the,a,b\nYork town,1,2\nYork place,2\nUlm there,3,4\nBonn near,4,5\n",
        CITIES + "Source: us\nRome,5,6\n",  # a note within the table
    ],
)
def test_irregular_lines_are_refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(FileFormatError, match="not a regular text table"):
        ll.read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("last", ["Total,1,2", "Source,1,2", "Key West,,", "(1),(2),3", "Note,3,4"])
def test_rows_that_are_no_notes(tmp_path, last):
    (tmp_path / "t.csv").write_text(f"{CITIES}{last}\n")
    form = TableFormat(row_labels=True, missing=["(2)"])
    assert ll.read_table(tmp_path / "t.csv", form=form).shape == (4, 2)


def test_lines_that_all_begin_as_notes_are_data(tmp_path):
    lines = [f"{one}) how often,{'pq'[k % 2]},{'uv'[k % 3 == 0]}" for k, one in enumerate("abcdef")]
    (tmp_path / "t.csv").write_text("\n".join(["question,x,y", *lines]))
    table = load_table(tmp_path / "t.csv", Reading(words=True))
    assert table.observations.shape == (6, 2)
    assert table.levels == {"x": ("p", "q"), "y": ("u", "v")}


def test_notes_far_below(tmp_path, monkeypatch):
    monkeypatch.setattr("lowland.files.text.text_layout.HEAD", 200)
    monkeypatch.setattr("lowland.files.text.text_layout.TAIL", 60)
    lines = "".join(f"c{k},{k},{k % 7},{k % 3}\n" for k in range(100)).replace("c5,5,", "c5,,")
    text, note = "city,a,b,d\n" + lines, "\nSource: us, and others\n"
    said, out = complete_text(tmp_path, "t.csv", text + note)
    assert out.endswith(note)
    assert "100 rows" in said
    assert_only_filled(cells_of(text), cells_of(out.removesuffix(note)))


def test_lines_around_the_tables_of_a_folder(tmp_path):
    for k in range(3):
        lines = "".join(f"c{k}{j},{j}.5,{k}\n" for j in range(4))
        (tmp_path / f"{k}.csv").write_text(f"Report {k}\n\ncity,a,b\n{lines}Source: us, {k}\n")
    table = load_table(tmp_path)
    assert table.observations.row_labels.tolist() == [f"c{k}{j}" for k in range(3) for j in range(4)]
    said = " ".join(table.decided)
    assert "left out below all but the last file: 'Source: us, 0' and 1 more line" in said
    assert "left out below the table: 'Source: us, 2'" in said


def test_lines_around_a_table_in_a_sheet(tmp_path):
    pytest.importorskip("openpyxl")
    text = WORLD_BANK + TABLE + "Source: World Bank, Geneva\n"
    path = written_by(tmp_path, "t.csv", text, output="o.xlsx")
    sheet = pd.read_excel(path, header=None, dtype=object, engine="openpyxl").fillna("").astype(str)
    found = [[cell for cell in line if cell] for line in sheet.to_numpy().tolist()]
    assert found[0] == ["Data Source", "World Development Indicators"]
    assert found[4] == cells_of(TABLE)[0]
    assert found[5] == ["Aruba", "ABW", "1.5", "2.5", "3.5", "4.5"]
    assert found[-1] == ["Source: World Bank", " Geneva"]


PROSE = "Where a price is missing, the shop did not sell this on the day."


@pytest.mark.parametrize(
    ("last", "named", "notes"),
    [
        (PROSE, "shop {}", 1),
        (f"{PROSE}|The prices are those of a Monday in March, 2023.", "shop {}", 2),
        ("Do you think that prices have gone up since last year?", "shop {}", 0),
        (PROSE, "I am sure that price no. {} has gone up since then.", 0),
    ],
)
def test_a_sentence_below_a_table_is_a_note_unless_sentences_name_its_rows(last, named, notes):
    lines = [*(f"{named.format(k)}|{k}|{2 * k}" for k in range(9)), *(f"{one}||" for one in last.split("|"))]
    records = [line.split("|") for line in reversed(lines)]
    assert count_notes(records, 3)[0] == notes
