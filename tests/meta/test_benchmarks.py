"""What benchmarks print is read, compared and shown."""

import ast
import importlib
import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
LINES = """2 thread(s)

| size | | seconds |
|---|---|---|
| 100 | lowland | 0.07 |
| 100 | pyttb |  |

ratio | Tucker of 100^3: seconds over pyttb's | 1.4 | lower | peer
ratio | share of the limit | 0.8 | higher | limit"""


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import page
    import records
    import suite

    yield records, page, suite
    for name in ("page", "records", "suite"):
        sys.modules.pop(name)


def results(records, lines=LINES):
    run = {"name": "peers/tucker.py", "date": "2026-01-01", "threads": "all", "seconds": 1.0, "failed": False}
    return {**records.context(), "runs": [{**run, **records.parsed(lines.splitlines())}]}


def test_tables_and_ratios_are_read(modules):
    records, _, _ = modules
    found = results(records)["runs"][0]
    assert found["tables"] == [
        {"header": ["size", "", "seconds"], "rows": [["100", "lowland", "0.07"], ["100", "pyttb", ""]]}
    ]
    assert [(r["value"], r["better"], r["of"]) for r in found["ratios"]] == [
        (1.4, "lower", "peer"),
        (0.8, "higher", "limit"),
    ]
    assert found["notes"] == ["2 thread(s)"]


def test_a_ratio_that_is_no_positive_number_is_a_failure(modules, monkeypatch, tmp_path):
    records, _, suite = modules
    for number, failed in (("nan", True), ("0", True), ("2", False)):
        (tmp_path / "one.py").write_text(f"print('ratio | some | {number} | lower | own')")
        monkeypatch.setattr(records, "FOLDER", tmp_path)
        found = records.record(suite.Run("one.py"))
        assert found["failed"] is failed
        assert len(found["ratios"]) == 1 - failed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("1.4", "1.7"), []),
        (("1.4", "1.8"), ["1.4 before, 1.8 now"]),
        (("1.4", "0.2"), []),
        (("0.8", "0.66"), []),
        (("0.8", "0.6"), ["0.8 before, 0.6 now"]),
        (("share of the limit", "another share"), ["no longer measured"]),
    ],
)
def test_falls_of_a_fifth_are_named(modules, change, words):
    records, _, _ = modules
    found = records.falls(results(records), results(records, LINES.replace(*change)))
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_an_interrupted_run_goes_on(modules, monkeypatch, tmp_path):
    """Benchmarks that are done are not run again, unless the library has changed; failed ones are."""
    records, _, suite = modules
    import run as runner

    counts = {"one.py": 0, "two.py": 0}
    for name in counts:
        (tmp_path / name).write_text(
            f"open(r'{tmp_path / name}.runs', 'a').write('x'); 1 / (1 if '{name}' == 'one.py' else 0)"
        )
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    for name, path in (
        ("RESULTS", "results.json"),
        ("PAGE", "page.html"),
        ("TEXT", "page.md"),
        ("PART", "part.json"),
    ):
        monkeypatch.setattr(runner, name, tmp_path / path)
    monkeypatch.setattr(runner, "SUITE", tuple(suite.Run(name) for name in counts))
    monkeypatch.setattr(sys, "argv", ["run.py"])
    here = {"machine": "m", "python": "3", "revision": "abc", "date": "2026-01-01", "versions": {}}
    monkeypatch.setattr(runner, "context", lambda: dict(here))

    def runs():
        return [len((tmp_path / f"{name}.runs").read_text()) for name in counts]

    assert runner.main()
    assert runs() == [1, 1]
    assert runner.main()
    assert runs() == [1, 2]
    here["revision"] = "abd"
    assert runner.main()
    assert runs() == [2, 3]
    (tmp_path / "two.py").write_text(f"open(r'{tmp_path}/two.py.runs', 'a').write('x')")
    assert not runner.main()
    assert runs() == [2, 4]
    assert (tmp_path / "results.json").exists()
    assert "## `two.py`" in (tmp_path / "page.md").read_text()
    assert not (tmp_path / "part.json").exists()
    sys.modules.pop("run")


def test_results_are_shown_on_a_page(modules, tmp_path):
    records, page, _ = modules
    records.store(results(records), str(tmp_path / "results.json"))
    stored = json.loads((tmp_path / "results.json").read_text())
    page.write_page(stored, str(tmp_path / "page.html"))
    text = (tmp_path / "page.html").read_text()
    for words in ("Beside peers", "Of the limit", "pyttb", stored["machine"], stored["versions"]["numpy"]):
        assert words in text


def test_results_are_written_as_text(modules, tmp_path):
    records, page, _ = modules
    page.write_markdown(results(records), str(tmp_path / "page.md"))
    text = (tmp_path / "page.md").read_text()
    for line in (
        "| peers/tucker.py | share of the limit | 0.8 | higher | limit |",
        "| 100 | lowland | 0.07 |",
        "2 thread(s)",
    ):
        assert line in text.splitlines()


def test_the_text_is_that_of_the_stored_run(modules, tmp_path):
    """No figure is older than the run that is stored."""
    _, page, _ = modules
    page.write_markdown(json.loads((FOLDER / "results.json").read_text()), str(tmp_path / "page.md"))
    assert (FOLDER / "RESULTS.md").read_text() == (tmp_path / "page.md").read_text()


def test_a_benchmark_that_takes_too_long_is_ended(modules, monkeypatch, tmp_path):
    records, _, suite = modules
    (tmp_path / "long.py").write_text("import time; print('begun', flush=True); time.sleep(60)")
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "MOST_SECONDS", 1.0)
    found = records.record(suite.Run("long.py"))
    assert found["failed"]
    assert found["seconds"] < 30


def test_the_suite_holds_every_file(modules):
    _, _, suite = modules
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.py")}
    # need files of the user's own, or half an hour
    apart = {"accuracy/tensors.py", "accuracy/mixed_columns.py", "scaling/ratings_file.py"}
    assert {run.file for run in suite.SUITE} == files - apart
    assert len({run.name for run in suite.SUITE}) == len(suite.SUITE)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.py")), ids=lambda path: path.stem)
def test_names_of_the_library_exist(path):
    """What is seldom run must not be left behind by a move."""
    tree = ast.parse(path.read_text())
    taken = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lowland"
        for alias in node.names
    ]
    short = [alias.asname for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    if "ll" in short:
        taken += [
            ("lowland", node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ll"
        ]
    # these run the command alone, and what tensors.py holds
    assert taken or path.stem in ("growth", "traffic")
    for module, name in taken:
        holder = importlib.import_module(module)
        if not hasattr(holder, name):
            importlib.import_module(f"{module}.{name}")
