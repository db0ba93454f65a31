"""Every table is read right, passed through, or refused with an option that works; no known cell changes."""

import re
import warnings

import pytest

import lowland as ll
from commands import call
from lowland.completion.encoded.level_maps import usual_maps
from tables_of_people.catalogue import ENTRIES
from tables_of_people.comparing import check_frame, check_output
from tables_of_people.todo import FILES, FRAMES

# the cheapest fit: what is looked at is which cells are read and written, not how well they are filled
TYPED = (
    *("--rank=1", "--max-iter=2", "--no-certify", "--refine=no", "--powers=no", "--pattern=no"),
    *("--row-order=no", "--column-order=no", "--noise=common", "--quiet"),
)
SET = {
    **{"rank": 1, "max_iter": 2, "certify": False, "refine": False, "powers": False, "pattern": False},
    **{"noise": "common", "random_state": 0},
}


# each as a file to the command, and as a data frame to the estimator where a program reads it as one
CASES = [(entry, "file") for entry in ENTRIES]
CASES += [(one, "frame") for one in ENTRIES if one.frame is not None and one.name not in FILES]


@pytest.fixture(autouse=True, scope="module")
def hasty(light_fits_throughout):
    """Fit with few sweeps, draws and trees, no grown start, and levels as likely as they are frequent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lowland.completion.layered_fit.maps_of_hidden", lambda known, *_: usual_maps(known))
        patch.setattr("lowland.completion.bayesian.starting.grown_start.LARGEST", 0)
        patch.setattr("lowland.completion.bayesian.sweeps.SETTLING", 1)
        patch.setattr("lowland.completion.settling.ROUNDS", 1)
        yield


@pytest.fixture(scope="module")
def entry(request):
    return request.param


@pytest.fixture(scope="module")
def run(entry, tmp_path_factory):
    """What the command says of an entry's file, the second time with the options that fix it, and where."""
    folder = tmp_path_factory.mktemp("table")
    entry.file.write(folder / entry.file.name)

    def complete(*options):
        typed = (entry.file.name, "--output", entry.output, *TYPED, *entry.typed, *options)
        return call("complete", *typed, cwd=folder)

    first = complete()
    return first, complete(*entry.fix) if entry.fix else first, folder


def expect(request, todo):
    """Let a test fail, and it alone, where it is known why; it must then fail."""
    if todo:
        request.applymarker(pytest.mark.xfail(reason=todo, strict=True))


@pytest.mark.covering
@pytest.mark.parametrize(
    ("entry", "road"), CASES, ids=lambda one: getattr(one, "name", one), indirect=["entry"]
)
def test_tables(request, entry, road, run):
    if road == "file":
        expect(request, FILES.get(entry.name))
        check_file(entry, run)
    else:
        expect(request, FRAMES.get(entry.name))
        check_as_frame(entry, run[2])


def check_file(entry, run):
    """Raise unless the command refused or read a file as it should, and said so."""
    refusal, done, folder = run
    if entry.refused:
        check_refusal(refusal, entry)
    if entry.refused and not entry.fix:
        return
    assert done.returncode == 0, done.stderr
    check_output(entry, folder / entry.output)
    heard = " ".join(f"{done.stdout} {done.stderr}".split())
    for words in entry.said:
        assert words in heard, heard
    for name in entry.passed:
        assert re.search(f"as they are: .*{re.escape(repr(name))}", heard), heard
    assert re.search(rf"read as \w+: \d+ rows, {entry.data} columns", heard), heard


def check_refusal(refusal, entry):
    """Raise unless a file was refused in words that name the options to type."""
    heard = " ".join(refusal.stderr.split())
    assert refusal.returncode == 2, heard
    assert "Traceback" not in heard
    assert entry.refused in heard, heard
    for option in entry.fix:
        if option.startswith("--"):
            assert option in heard, heard


def check_as_frame(entry, folder):
    """Raise unless the estimator fills the data frame of a table as the command filled the file."""
    frame = entry.frame(folder / entry.file.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ll.MatrixCompletion(**SET, **entry.settings)
        filled = model.fit(frame, row_order=None, column_order=None).fill(frame)
    check_frame(entry, frame, filled, check_output(entry, folder / entry.output))


def test_names_are_distinct_and_what_is_left_to_do_exists():
    named = [entry.name for entry in ENTRIES]
    assert len(set(named)) == len(named)
    assert {*FILES, *FRAMES} <= set(named)
