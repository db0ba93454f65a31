"""How dates are written is told by the cells of their column, or asked for."""

import datetime as dt

import numpy as np
import pytest

from lowland.files.columns.dates import UNCLEAR, are_pointed_months, as_iso, find_dates
from lowland.files.evidence import profile

DAYS = [dt.date(2021, 1, 4) + dt.timedelta(days=9 * k) for k in range(12)]
STARTS = [dt.date(2021, month, 1) for month in range(1, 13)]
# how dates are written, and what is found
WAYS = {
    "%Y-%m-%d": "iso",
    "%Y/%m/%d": "ymd",
    "%d.%m.%Y": "dmy",
    "%d.%m.%y": "dmy",
    "%d/%m/%Y": "dmy",
    "%d-%m-%Y": "dmy",
    "%m/%d/%Y": "mdy",
    "%m/%d/%y": "mdy",
    "%d %b %Y": "named",
    "%d-%b-%Y": "named",
    "%B %d, %Y": "named",
    "%b %d, %Y": "named",
    "%a, %d %b %Y": "named",
    "%d-%b-%y": "named",
    "%Y%m%d": "digits",
    "%y%m%d": "short digits",
}
MONTHS = {"%m/%Y": "month", "%m.%Y": "month", "%m-%Y": "month", "%Y/%m": "month", "%Y%m": "month digits"}


def _found(cells, name="when", asked=None):
    return find_dates(name, profile(np.array(cells)), asked)


@pytest.mark.parametrize("way", WAYS)
def test_dates_in_the_usual_ways_are_found_and_read(way):
    cells = [day.strftime(way) for day in DAYS]
    assert _found(cells) == WAYS[way]
    assert as_iso(np.array(cells), WAYS[way]).tolist() == [day.isoformat() for day in DAYS]


@pytest.mark.parametrize("way", ["%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d %b %Y %H:%M"])
def test_times_of_day_are_read(way):
    times = [dt.datetime(2021, 1, 28, 9, 30) + dt.timedelta(hours=13 * k) for k in range(6)]
    cells = np.array([time.strftime(way) for time in times])
    assert as_iso(cells, _found(cells)).tolist() == [time.isoformat() for time in times]


@pytest.mark.parametrize("way", MONTHS)
def test_months_are_found_and_read(way):
    cells = [day.strftime(way) for day in STARTS]
    assert _found(cells) == MONTHS[way]
    assert as_iso(np.array(cells), MONTHS[way]).tolist() == [f"{day:%Y-%m}" for day in STARTS]
    numbers = [int(cell) for cell in cells if cell.isdigit()]
    assert _found(numbers or cells) == MONTHS[way]


def test_weeks_and_stamps_are_read():
    assert as_iso(np.array(["2021-W01", "2021-W53"]), "iso") is None
    assert as_iso(np.array(["2021-W01", "2021W02"]), "iso").tolist() == ["2021-01-04", "2021-01-11"]
    zoned = np.array(["2021-01-04 09:30:00 UTC", "2021-01-05 10:30:00 UTC"])
    assert as_iso(zoned, "iso")[0] == "2021-01-04 09:30:00"
    forms = np.array(["2021/01/04 9:30:00 AM GMT+1"])
    assert as_iso(forms, "ymd")[0] == "2021-01-04T09:30:00"
    stamps = [day.strftime("%Y%m%d0930") for day in DAYS]
    assert _found([int(stamp) for stamp in stamps]) == "minute digits"
    assert as_iso(np.array(stamps), "minute digits")[0] == "2021-01-04T09:30:00"
    assert _found([int(f"{stamp}15") for stamp in stamps]) == "second digits"


def test_days_that_spreadsheets_count_are_dates_where_their_column_is_called_so():
    serial = np.array([44927, 44930, 44931])
    assert [_found(serial, name) for name in ("Order Date", "orderDate", "price", "update")] == [
        *("serial", "serial", ""),
        "",
    ]
    assert _found(serial + 0.5, "date") == "serial"
    assert as_iso(serial, "serial").tolist() == ["2023-01-01", "2023-01-04", "2023-01-05"]
    assert as_iso(serial + 0.5, "serial")[0] == "2023-01-01T12:00:00"


@pytest.mark.parametrize(
    "numbers",
    [
        [201_301, 201_302, 201_303, 201_304],  # too few of them
        [201_300, 201_301, 201_302, 201_303, 201_304, 201_305],
        [230_101, 230_102, 230_103, 230_104, 230_199, 230_106],
        [1_201_305, 1_201_306, 1_201_307, 1_201_308, 1_201_309],
        [2023.01, 2023.02, 2023.03, 2023.04, 2023.05],
    ],
)
def test_numbers_that_are_no_dates(numbers):
    assert _found(numbers, "x") == ""


@pytest.mark.parametrize(
    ("cells", "are"),
    [
        ("01.2023 02.2023 03.2023 11.2023 12.2023", True),
        ("2023.01 2023.02 2023.10 2023.11 2023.12", True),
        ("01.2023 02.2023 03.2023", False),  # too few of them
        ("01.2023 02.2023 03.2023 11.2023 13.2023", False),
        ("1.2023 2.2023 3.2023 11.2023 12.2023", False),
        ("10.5 11.25 12.2 10.75 11.5", False),
    ],
)
def test_months_with_points_are_no_numbers(cells, are):
    assert are_pointed_months(["", *cells.split()]) is are


def test_whole_numbers_are_dates_where_all_are_days_and_times_where_name_or_steps_say_so():
    assert _found([20230113, 20230228, 20231231]) == "digits"
    assert _found([20230113, 20230229, 20231231]) == ""  # not a leap year
    uneven = [1_600_000_000, 1_600_000_007, 1_700_000_000]
    assert (_found(uneven, "timestamp"), _found(uneven, "followers")) == ("seconds", "")
    hours = [1_600_000_000 + 3600 * k for k in range(6)]
    assert _found(hours, "x") == "seconds"
    ids = [2_022_000_000 + k for k in range(6)]
    assert [_found(ids, name) for name in ("x", "time", "epoch")] == ["", "seconds", "seconds"]
    assert _found([1000 * hour for hour in hours], "x") == "milliseconds"
    told = as_iso(np.array(hours), "seconds")
    assert told[1] == dt.datetime.fromtimestamp(hours[1], dt.UTC).isoformat()


@pytest.mark.parametrize(
    "cells", [["1-2", "3-4"], ["192.168.1.1"], ["32/13/2021"], ["May"], ["12:30"], ["2021"]]
)
def test_what_is_no_date_is_none(cells):
    assert _found(cells) == ""


def test_days_and_months_that_nothing_tells_apart_are_asked_for():
    starts = [day.strftime("%d/%m/%Y") for day in STARTS]  # or the first twelve days of January
    assert _found(starts) == UNCLEAR
    assert (_found(starts, asked="dmy"), _found(starts, asked="mdy")) == ("dmy", "mdy")
    assert _found(["01/02/2023", "05/03/2023", "03/02/2023"]) == UNCLEAR
    # a part above twelve, one direction, or one distance decides
    assert _found([*starts, "13/01/2022"]) == "dmy"
    assert _found(["03/05/2021", "12/06/2021", "01/08/2021", "02/09/2021", "05/12/2021"]) == "dmy"
    assert _found([day.strftime("%m/%d/%Y") for day in [*STARTS, dt.date(2022, 1, 1)]]) == "mdy"
    assert _found(["01/01/2023", "08/01/2023"]) == UNCLEAR
    # what was asked for is no answer where it does not fit
    assert _found(["13/01/2022", "14/01/2022"], asked="mdy") == "dmy"


def test_a_column_with_a_missing_date_is_of_dates_but_in_no_order():
    assert _found(["13.01.2022", "", "15.01.2022"]) == "dmy"
    assert as_iso(np.array(["13.01.2022", ""]), "dmy") is None
    assert as_iso(np.array([20230113.0, np.nan]), "digits") is None
