"""Errors on the command line name what is typed there."""

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import typer
from pyarrow import parquet

import lowland
from commands import assert_clean_error, call
from lowland.cli.app import COMMANDS, make_app
from lowland.cli.option_words import NAMES, writer_of
from lowland.core.wording import Option

# a setting as Python has it
PYTHON = re.compile(r"\b\w+=(\"|'|True|False|None|\[|\{)|PosixPath|WindowsPath")
# settings that only callers of the library have
IN_CODE = {"data", "form", "inner", "symmetric", "check_basin", "metropolis", "n_restarts"}


def command_of(name):
    return typer.main.get_command(make_app([name])).commands[name]


@pytest.fixture(scope="module")
def commands():
    """All commands, with their options."""
    return {name: command_of(name) for name in COMMANDS}


@pytest.fixture(scope="module")
def calls():
    """What is called in the library's code that makes errors or names options: name, call, and file."""
    found = []
    for path in Path(lowland.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "Option(" in source or "Error(" in source:
            found += [
                (node.func.id, node, path.name)
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id.endswith(("Option", "Error"))
            ]
    return found


def named_options(calls):
    """Return the names of settings that messages of the library name, with the command line's."""
    found = {}
    for called, node, file in calls:
        if called == "Option":
            typed = [known.value for known in node.keywords if known.arg == "typed"]
            name = (typed or node.args)[0]
            if isinstance(name, ast.Constant):
                found.setdefault(NAMES.get(name.value, name.value), file)
    return found


def texts(node):
    """Yield the texts in an expression, but those that are for callers of the library alone."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InCode":
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def test_no_message_writes_a_setting_in_the_words_of_python(calls):
    found = [
        (file, text)
        for called, node, file in calls
        if called.endswith("Error")
        for text in texts(node)
        if PYTHON.search(text)
    ]
    assert found == []


def test_settings_that_messages_name_are_options(calls, commands):
    known = {one.name for command in commands.values() for one in command.params}
    named = named_options(calls)
    assert len(named) > 30  # the walk finds them
    assert set(named) - known == IN_CODE


def test_settings_of_other_names_have_options(commands):
    known = {one.name for command in commands.values() for one in command.params}
    assert set(NAMES.values()) <= known


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (Option("method"), "--method"),
        (Option("method", "gibbs", "map"), "--method gibbs or map"),
        (Option("row_labels", True), "--row-labels"),
        (Option("row_labels", True, False), "--row-labels or --no-row-labels"),
        (Option("missing", ["3 lbs", "x"]), "--na '3 lbs' --na x"),
        (Option("n_draws", 7), "--draws 7"),
        (Option("pattern", True, False, None), "--pattern yes, no or auto"),
        (Option("loss", {"a": "huber"}), "--loss a=huber"),
        (Option("method", "conformal", typed="interval_method"), "--interval-method conformal"),
        (Option("--held-out"), "--held-out"),
        (Option("nonnegative", False), "no --nonnegative"),
        (Option("solver", "gradient"), None),
    ],
)
def test_options_of_complete(option, text, commands):
    assert writer_of(commands["complete"])(option) == text


def test_parts_of_a_mode_are_joined_by_commas(commands):
    write = writer_of(commands["tucker"])
    assert write(Option("fold", {"time": ("day", "hour")})) == "--fold time=day,hour"


NUMBERS = "a,b\n1,9\n2,3\n4,5\n3,4\n"
# what is in the file, the command with its options, what is refused, and options of which each is a way out
REFUSED = {
    "text among numbers": (
        "name,w,h\na,three,2\nb,3,4\nc,5,6\nd,4,\n",
        "diagnose FILE --rank 1",
        "text where numbers are needed",
        ["--na three", "--as-is w"],
    ),
    "a row twice": (
        "name,w,h,k\na,1,2,7\na,2,3,5\nb,3,4,6\nc,5,6,5\nd,4,,8\n",
        "diagnose FILE --rank 1",
        "names a row twice",
        ["--duplicates mean", "--row name --column w --value h"],
    ),
    "a cell twice": (
        "user,film,rating\na,x,1\na,x,2\nb,y,2\nb,x,1\n",
        "diagnose FILE --rank 1",
        "listed more than once",
        ["--duplicates mean"],
    ),
    "sentinels": (
        "a,b\n1,-999\n2,3\n4,5\n3,4\n2,2\n6,5\n",
        "diagnose FILE --rank 1",
        "may stand for missing cells",
        ["--sentinels missing", "--sentinels values"],
    ),
    "a comma": (
        'a;b\n"1,234";2\n"2,345";3\n"3,456";4\n',
        "diagnose FILE --rank 1",
        "may be decimal marks",
        ["--decimal ,", "--thousands ,"],
    ),
    "a first column": (
        "x,b\n1,9.5\n3,3.5\n4,5.5\n7,4\n9,1\n12,3.5\n",
        "diagnose FILE --rank 1",
        "may name the rows or be data",
        ["--row-labels", "--no-row-labels"],
    ),
    "a long table or a wide one": (
        "a,b,c\n1,2,3\n2,1,3\n3,1,1\n3,2,4\n1,1,2\n",
        "diagnose FILE --rank 1",
        "may be a long table or a wide one",
        ["--layout wide", "--row a --column b --value c"],
    ),
    "one column": ("a\n1\n2\n", "diagnose FILE --rank 1", "has a single column", []),
    "method": (NUMBERS, "complete FILE --method maximum", "--method is unknown", []),
    "draws": (NUMBERS, "complete FILE --method map --draws 7", "--draws is not used by", []),
    "graph": (NUMBERS, "complete FILE --row-order yes", "row labels are neither numbers nor dates", []),
    "layout": (NUMBERS, "complete FILE --layout tall", "--layout is unknown", []),
    "decimal": (NUMBERS, "complete FILE --decimal x", "--decimal is unknown", []),
    "as is": (NUMBERS, "complete FILE --as-is c", "--as-is names a column", []),
    "both": (NUMBERS, "complete FILE --keep a --drop b", "--keep and --drop", []),
    "levels": (NUMBERS, "complete FILE --loss logistic --rank 1", "needs two levels", []),
    "elsewhere": (NUMBERS, "complete FILE --spill s --output o.csv", "has no effect on tables", []),
    "biases": (NUMBERS, "complete FILE --nonnegative --rank 1", "without biases", []),
    "effort": (NUMBERS, "complete FILE --effort mighty", "--effort is unknown", []),
    "encoding": (NUMBERS, "complete FILE --encoding utf-9", "is unknown", []),
    "file type": (NUMBERS, "fill FILE --output o.npz", "file type is unknown", ["--value b"]),
    "start": (NUMBERS, "tucker FILE --ranks 1 --value a", "three modes", []),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_to_do_is_typed(name, tmp_path, commands):
    text, typed, what, ways = REFUSED[name]
    (tmp_path / "table.csv").write_text(text)
    words = shlex.split(typed.replace("FILE", "table.csv"))
    result = call(*words, cwd=tmp_path)
    assert_clean_error(result, what, *[way.split(" ")[0] for way in ways])
    assert not PYTHON.search(result.stderr), result.stderr
    known = {name for one in commands[words[0]].params for name in (*one.opts, *one.secondary_opts)}
    for option in re.findall(r"(?<!\w)--[\w-]+", result.stderr):
        assert option in known, result.stderr
    for way in ways:
        done = call(*words, *shlex.split(way), cwd=tmp_path)
        assert what not in done.stderr, way


def test_tables_elsewhere_offer_what_they_have(tmp_path):
    """Sentinels can be taken for missing cells in memory only."""
    numbers = np.array([-999.0, 3, 5, 4, 2, 5])
    table = pa.table({"user": list("aabbcc"), "film": list("xyxyxy"), "rating": numbers})
    parquet.write_table(table, tmp_path / "t.parquet")
    asked = ("complete", "t.parquet", "--spill", "s", "--model", "m.npz")
    result = call(*asked, cwd=tmp_path)
    assert_clean_error(result, "--sentinels values")
    assert "--sentinels missing" not in result.stderr
    repeated = call(*asked[:3], "r", *asked[4:], "--duplicates", "mean", cwd=tmp_path)
    assert_clean_error(repeated, "use --duplicates error or last")
