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
from lowland.cli.input import describe_table
from lowland.cli.option_words import NAMES, writer_of
from lowland.core.wording import Option
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table

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


# what is counted, in rooms whose sentences people read, and files in which there are always several
NOUNS = "rows columns cells lines sweeps draws tables levels words values numbers predictions labels"
SENTENCES = ("cli", "report", "completion")
SEVERAL = ["memory_needs", "judges", "pooling", "pooled_predictions", "posteriors", "part_names"]


def test_numbers_are_written_with_what_they_count():
    """Not "1 rows": `counted` does it. Sides of a product, and limits in capitals, are not counts."""
    many, seen, found = re.compile(rf" (?:[a-z]+ )?({NOUNS.replace(' ', '|')})\b"), 0, []
    for path in (p for room in SENTENCES for p in (Path(lowland.__file__).parent / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else []
            for before, number, after in zip([ast.Constant(""), *parts], parts, parts[1:], strict=False):
                if not (isinstance(number, ast.FormattedValue) and isinstance(after, ast.Constant)):
                    continue
                seen, told = seen + 1, ast.unparse(number.value)
                form = ast.unparse(number.format_spec)[2:-1] if number.format_spec else ""
                of_product = str(getattr(before, "value", "")).endswith(" x ")
                is_count = form in ("", ",") and number.conversion == -1 and not told.isupper()
                if is_count and many.match(after.value) and not of_product and path.stem not in SEVERAL:
                    found.append((path.name, number.lineno, told))
    assert seen > 300
    names = ("name", "option", "where", "counted(", "least", "asked.draws")
    assert [one for one in found if not one[2].startswith(names)] == []


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
    "a column to keep": (NUMBERS, "complete FILE --keep aa", "use one that it has: 'a'", []),
    "a column with a loss": (NUMBERS, "complete FILE --loss aa=huber", "--loss names a column", []),
    "duplicates": (NUMBERS, "complete FILE --duplicates sum", "--duplicates is unknown", []),
    "max iter": (NUMBERS, "complete FILE --max-iter 0", "--max-iter must be at least 1\n  found: 0", []),
    "tolerance": (NUMBERS, "complete FILE --tol -1", "--tol must be at least 0\n  found: -1", []),
    "rank": (NUMBERS, "complete FILE --rank two", "write --rank 2, or --rank auto", []),
    "level": (NUMBERS, "complete FILE --interval 2 --mark m.csv", "between 0 and 1\n  found: 2", []),
    "no mark": (NUMBERS, "complete FILE --interval 0.5", "--interval needs --mark or --output", []),
    "no model": (NUMBERS, "predict FILE FILE", "name a model that lowland wrote", []),
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


WORDS = ("good", "bad", "so-so")
VALUES = "user,film,rating\n" + "".join(
    f"u{k % 4},f{k},{['good', 'bad', 'so-so'][k % 3]}\n" for k in range(9)
)
NOT_MISSING = {
    "values of a list": VALUES,
    "units": VALUES.replace("good", "3 stars").replace("bad", "1").replace("so-so", "2"),
    "ends of a scale": VALUES.replace("f8,so-so", "f8,3")
    .replace("u3,f7,bad", "u3,f7,3\nu3,f9,2\nu3,f8,3\nu3,f6,2")
    .replace("so-so", "2"),
    "a first column in order": "x,b\n1,9.5\n3,3.5\n4,5.5\n7,4\n9,1\n12,3.5\n",
}


@pytest.mark.parametrize("name", NOT_MISSING)
def test_no_observed_cell_is_offered_as_missing(name, tmp_path):
    (tmp_path / "table.csv").write_text(NOT_MISSING[name])
    refused = call("diagnose", "table.csv", "--rank", 1, cwd=tmp_path)
    assert_clean_error(refused)
    assert "--na" not in refused.stderr


def test_a_few_other_cells_among_numbers_of_rows_may_be_missing(tmp_path):
    (tmp_path / "t.csv").write_text("x,b\n" + "".join(f"{k or 'x'},{k % 3}.5\n" for k in range(8)))
    asked = ("diagnose", "t.csv", "--rank", 1)
    assert_clean_error(call(*asked, cwd=tmp_path), "if they mean missing, --na x", "--no-row-labels")
    assert "may name the rows" not in call(*asked, "--na", "x", cwd=tmp_path).stderr


def test_the_order_that_was_asked_for_is_not_offered(tmp_path):
    """Where no order is wanted none is told of."""
    days = "".join(f"2024-01-{k + 1:02},{k}.5,{k % 3 or ''}\n" for k in range(9))
    (tmp_path / "t.csv").write_text("day,a,b\n" + days)
    table = load_table(tmp_path / "t.csv", Reading())
    found = {asked: "in the order of 'day'" in describe_table(table, asked) for asked in (None, True, False)}
    offered = {asked: "--row-order no" in describe_table(table, asked) for asked in (None, True, False)}
    assert found == {None: True, True: True, False: False}
    assert offered == {None: True, True: False, False: False}


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
