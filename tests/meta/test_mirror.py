"""Where a test is found: in the folder of its room, in a file named after the module that it is about."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE, TESTS = ROOT / "src" / "lowland", ROOT / "tests"

# what is tested across rooms, or of what lies outside the package
ACROSS = {
    "cluster": "tables on Dask clusters, from the cells to the estimator",
    "contracts": "what every part of a kind must do, from the rows of cases.py",
    "examples": "the scripts in examples/",
    "fuzz": "damaged files of all kinds",
    "meta": "the structure itself",
    "mutants": "formulas known to be false, which the contracts must refuse",
    "oracles": "naive implementations for the tests",
    "tables_of_people": "tables as people have them, from the file to the completed file and the data frame",
    "soundness": "certificates of points with known answers, of all domains",
}
# families that are tested as one, under a name of their own, beside what has yet to be named after its module
FAMILIES = {
    "certificates": "false_proofs inequalities penalised_problems uniqueness_and_errors whole_matrices",
    "cli": "commands completions_command cp_command elsewhere_command escape_command fill_command "
    "network_commands proof_commands resume top_command tucker_command words_command",
    "completion": "column_losses_edge_cases column_places encoded_tables gaussian graphs nonnegative orders "
    "penalised_threads row_scales untuned untuned_edge_cases",
    "dynamics": "escape_times exit_estimates simulation",
    "estimators": "newcomers scikit_learn transform",
    "files": "earlier_files inputs",
    "kernels": "kernels numpy_forms",
    "landscape": "surveys",
    "losses": "loss_rounding",
    "measure": "close_products errors",
    "networks": "large_regions",
    "objectives": "one_pass side_weights",
    "recheck": "bounds_that_round forged_problems forgeries known_forgeries network_forgeries rechecks "
    "unbounded_forgeries",
    "report": "accessibility",
    "reproduce": "experiments fitted_powers",
    "search": "steppers",
    "sensing": "interval_coverage",
    "tensors": "slice_noise tensor_page tucker",
}


def named_files():
    """Yield the folder and the name of each file of tests."""
    for path in sorted(TESTS.glob("*/test_*.py")):
        yield path.parent.name, path.stem.removeprefix("test_")


def misfits(files, modules, across=ACROSS):
    """Return the files of tests that are named after no module of their room, by room."""
    found = {}
    for room, name in files:
        if room not in across and name not in modules(room):
            found.setdefault(room, []).append(name)
    return {room: " ".join(names) for room, names in found.items()}


def modules_of(room):
    """Return the names of a room's modules, those of rooms within it also with the name of their folder."""
    paths = set((SOURCE / room).rglob("*.py"))
    return {path.stem for path in paths} | {f"{path.parent.name}_{path.stem}" for path in paths}


def test_tests_are_named_after_modules_or_listed():
    assert misfits(named_files(), modules_of) == FAMILIES


def test_folders_are_rooms_or_say_what_they_are_about():
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir()}
    folders = {path.name for path in TESTS.iterdir() if any(path.glob("*.py"))}
    assert folders <= rooms | set(ACROSS)
    assert set(ACROSS) <= folders


def test_a_file_in_the_wrong_place_is_found():
    modules = {"core": {"streams"}, "search": {"loop"}}.__getitem__
    assert misfits([("core", "streams"), ("meta", "anything")], modules) == {}
    assert misfits([("search", "streams"), ("search", "loop")], modules) == {"search": "streams"}
