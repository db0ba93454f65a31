"""The structure is what the design says: the import rule bites, every public part has a case."""

import ast
import configparser
import enum
import importlib
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import cases
import claims
import lowland
import lowland.dask
import lowland.datasets
import lowland.displays
import lowland.dynamics
import lowland.errors
import lowland.landscape
import lowland.losses
import lowland.measure
import lowland.models
import lowland.networks
import lowland.networks.search
import lowland.objectives
import lowland.reproduce
import lowland.search
import lowland.tensors
import lowland.tensors.search
import lowland.testing
from lowland import judges
from lowland.certificates import MATRIX_CLAIMS
from lowland.certificates.judging import claims_of
from lowland.core import doors
from lowland.core.doors import home_of
from lowland.core.promises.fits import Fit
from lowland.core.results.claims import CLAIMS
from lowland.objectives.unlisted import Unlisted
from lowland.recheck import dispatch
from lowland.recheck.matrices import checks as matrix_checks
from lowland.recheck.tensors import checks as tensor_checks
from lowland.recheck.tensors import cp_checks
from lowland.report import plain_findings
from lowland.sensing import conditional
from lowland.tensors.capabilities import CellFit, ComponentsFit, TensorFit
from lowland.tensors.certificates.judges import TENSOR_JUDGES
from lowland.tensors.tucker.balancing import TuckerBalancing

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lowland"
MODULES = sorted(SOURCE.rglob("*.py"))
# read once, for all tests here
text = cache(Path.read_text)
ESTIMATORS = (
    "MatrixCompletion",
    "DaskMatrixCompletion",
    "AdditiveSplineRegressor",
    "MatrixSensing",
    "StableSplineRegressor",
    "TensorCompletion",
    "TuckerDecomposition",
)


# ------------------------------------------------------------------ the table of cases
def exported_classes(package):
    names = [getattr(package, name) for name in package.__all__]
    return {item for item in names if inspect.isclass(item)}


@pytest.mark.parametrize(
    ("package", "tables"),
    [
        (lowland.measure, [cases.MEASUREMENTS]),
        (lowland.losses, [cases.LOSSES, cases.PENALTIES]),
        (lowland.models, [cases.MODELS]),
    ],
    ids=["measure", "losses", "models"],
)
def test_every_part_has_a_case(package, tables):
    covered = {case.part for table in tables for case in table}
    guests = {TuckerBalancing, Unlisted} if package is lowland.losses else set()  # live with their domains
    assert exported_classes(package) | guests == covered


def test_every_part_is_held_to_its_protocol_by_the_type_checker():
    losses = lowland.losses
    assert set(lowland.measure.MEASUREMENTS) == exported_classes(lowland.measure)
    assert set(losses.POINTWISE + losses.PENALTIES) == exported_classes(losses)
    assert set(losses.LOSSES.values()) <= set(losses.POINTWISE)
    assert set(lowland.models.MODELS) == exported_classes(lowland.models)


def test_every_stepper_has_a_case():
    rooms = (lowland.search, lowland.networks.search, lowland.tensors.search)
    paths = [
        found.name for room in rooms for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ]
    defined = [item for path in paths for item in vars(importlib.import_module(path)).values()]
    steppers = {item for item in defined if inspect.isclass(item) and hasattr(item, "promises_descent")}
    steppers -= {item for item in steppers if getattr(item, "_is_protocol", False)}
    assert steppers == {
        case.part
        for case in [
            *cases.SOLVERS,
            *cases.POSTERIOR_STEPPERS,
            *cases.DISTRIBUTION_STEPPERS,
            *cases.TENSOR_STEPPERS,
            *cases.CP_STEPPERS,
            *cases.REGION_STEPPERS,
        ]
    }


def test_every_judge_has_a_case_of_each_outcome_for_each_claim():
    for judge in judges.JUDGES:
        assert set(judge.claims) <= set(CLAIMS)
        for claim in judge.claims:
            outcomes = {row.outcome for row in claims.CLAIMS if row.judges(judge, claim)}
            assert outcomes == set(claims.VERDICTS), f"{claim} of {judge.needs.__name__}: {outcomes}"


def test_every_claim_has_a_case_of_each_outcome():
    for claim in CLAIMS:
        outcomes = {row.outcome for row in claims.CLAIMS if claim in row.claims}
        never = {claims.BAD} if claim in (*claims.CONDITIONAL, *claims.ESTIMATED) else set()
        assert outcomes == set(claims.VERDICTS) - never, f"{claim}: {outcomes}"


def test_every_claim_has_words_and_a_check():
    """A claim of which a report, the command line or the documentation cannot speak is not finished."""
    assert set(plain_findings.QUESTIONS) == set(plain_findings.ANSWERS) == set(CLAIMS)
    assert set(matrix_checks.CHECKS) == set(MATRIX_CLAIMS)
    assert set(matrix_checks.UNDER_A_PREMISE) == set(claims.CONDITIONAL) == set(conditional.CLAIMS)
    for checks, own in ((tensor_checks, TensorFit), (cp_checks, ComponentsFit)):
        suited = tuple(judge for judge in TENSOR_JUDGES if judge.needs in (Fit, CellFit, own))
        assert set(checks.CHECKS) == set(claims_of(suited))
    page = (ROOT / "docs/explanation/what-the-verdicts-mean.md").read_text()
    verdicts = dict(re.findall(r"^\| `(\w+)`.*\| ([a-z, ]+) \|$", page, re.MULTILINE))
    assert set(verdicts) == set(CLAIMS)
    never = {claim for claim in MATRIX_CLAIMS if "proved" not in verdicts[claim]}
    assert never == set(dispatch.NEVER_PROVED) & set(MATRIX_CLAIMS)


def parsed(words, paths=MODULES):
    """Yield the paths and trees of the files in which a pattern is found.

    A tree is forgotten before the next is made: while hundreds are kept, the collector of garbage looks
    through them again and again, which takes longer than parsing each where it is needed.
    """
    for path in paths:
        if words.search(text(path)):
            yield path, ast.parse(text(path))


def test_every_kernel_has_a_twin():
    modules = {
        path.relative_to(SOURCE).with_suffix("").as_posix() for path in SOURCE.glob("**/kernels/**/*.py")
    }
    assert {name for name in modules if not name.endswith("__init__")} == set(cases.KERNELS)
    functions = cache(lambda file: {node.name for node in ast.walk(ast.parse(text(ROOT / "tests" / file)))
                                    if isinstance(node, ast.FunctionDef)})  # fmt: skip
    for module, test in cases.KERNELS.items():
        file, name = test.split("::")
        assert name in functions(file), f"{module}: there is no {test}"


def test_every_model_has_an_objective():
    assert {case.part for case in cases.OBJECTIVES} == exported_classes(lowland.models)


# ------------------------------------------------------------------ the public face
LAZY = (
    lowland,
    lowland.displays,
    lowland.dynamics,
    lowland.errors,
    lowland.networks,
    lowland.tensors,
)
DOORS = (
    *LAZY,
    lowland.dask,
    lowland.datasets,
    lowland.landscape,
    lowland.models,
    lowland.objectives,
    lowland.reproduce,
    lowland.search,
    lowland.testing,
)
ROOMS = {door.__name__.removeprefix("lowland.") for door in DOORS}


def offered():
    """Yield what the package offers, by the names that it goes by."""
    for door in DOORS:
        for name in door.__all__:
            if not (door is lowland and name in {*ROOMS, "__version__"}):
                yield f"{door.__name__}.{name}", getattr(door, name)


def test_everything_goes_by_one_name():
    """By that of the package that offers it: in errors, pickles and the reference."""
    known = dict(offered())
    for name, item in known.items():
        assert f"{item.__module__}.{item.__qualname__}" == name
        assert pickle.loads(pickle.dumps(item)) is item
        assert vars(sys.modules[home_of(item)])[item.__name__] is item
    for module in pkgutil.walk_packages(lowland.__path__, "lowland."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert set(doors._HOMES) == set(known), "each is offered where it says"


@pytest.mark.parametrize("door", LAZY, ids=lambda door: door.__name__)
def test_public_names_load(door):
    assert set(dir(door)) == set(door.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = door.nothing


@pytest.mark.parametrize("door", LAZY, ids=lambda door: door.__name__)
def test_no_public_name_is_hidden_by_a_module_of_that_name(door):
    """Importing lowland.networks.x sets the attribute x of lowland.networks, in place of a function x."""
    modules = {found.name for found in pkgutil.iter_modules(getattr(door, "__path__", []))}
    assert not modules & {name for name in door.__all__ if not inspect.ismodule(getattr(door, name))}
    assert not modules & {name for name in door.__all__ if door is not lowland}


@pytest.mark.parametrize("door", LAZY, ids=lambda door: door.__name__)
def test_stub_names_what_the_package_offers(door):
    tree = ast.parse(Path(door.__file__).with_suffix(".pyi").read_text())
    stubbed = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert stubbed | ({"__version__"} if door is lowland else set()) == set(door.__all__)


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "reference" / "api.md").read_text()
    documented = set(re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.MULTILINE))
    assert documented == {name for name, _ in offered()}


def test_import_is_light():
    code = (
        "import sys, lowland;"
        "heavy = {'numba', 'sklearn', 'matplotlib', 'pandas', 'pyarrow', 'typer', 'rich', 'narwhals'};"
        "found = heavy & set(sys.modules); found |= {m for m in sys.modules if m.startswith('scipy.')};"
        "print(', '.join(sorted(found)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "", f"import lowland pulls in {result.stdout}"


def test_public_objects_document_parameters_and_show_an_example():
    """Public functions and classes have sections that numpydoc does not insist on."""
    for name, item in offered():
        assert "Examples\n" in inspect.getdoc(item), f"{name} has no example"
        if inspect.isfunction(item) and inspect.signature(item).return_annotation != "None":
            assert "Returns\n" in item.__doc__, f"{name} does not say what it returns"
        if inspect.isclass(item) and issubclass(item, enum.Enum | Exception):
            continue
        if {*inspect.signature(item).parameters} - {"args", "kwargs"}:
            assert "Parameters\n" in item.__doc__, f"{name} does not describe its parameters"


# ------------------------------------------------------------------ house rules
def test_files_are_short():
    long = {str(path.relative_to(ROOT)): n for path in MODULES if (n := len(text(path).splitlines())) > 380}
    assert not long


def test_folders_are_small():
    files = Counter(path.parent.relative_to(SOURCE).as_posix() for path in MODULES)
    assert {folder: n for folder, n in files.items() if n > 21} == {}


@pytest.mark.parametrize(
    "page", ["docs/explanation/how-it-is-built.md", "docs/explanation/inside-the-rooms.md", "CONTRIBUTING.md"]
)
def test_files_that_pages_name_are_there(page):
    there = [f"/{path.relative_to(ROOT).as_posix()}" for path in [*MODULES, *(ROOT / "tests").rglob("*.py")]]
    named = re.findall(r"`([a-z_0-9/]+\.py)`", (ROOT / page).read_text())
    assert named
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in there)] == []


def test_no_hasattr_and_no_swallowed_keywords():
    named = re.compile(r"\bhasattr\b|\*\*\s*[A-Za-z_]")  # the rest of the source need not be walked through
    for path, tree in parsed(named):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hasattr":
                # three are asked what they can do: the operating system, a sparse array, and any objective
                assert path.name in ("threads.py", "table_input.py", "capabilities.py"), path
            # one takes the options of the command whose signature it bears, and passes each on by its name;
            # others take the numbers of a sentence by the names that they have there
            named_in = {"records.py": ["called"], "reasons.py": ["because", "assumption"]}
            named_in["statement.py"] = ["says", "must_say"]
            if isinstance(node, ast.FunctionDef) and node.name not in named_in.get(path.name, ()):
                assert node.args.kwarg is None, f"{path}: {node.name} swallows keywords"


def test_classes_are_final_abstract_or_protocols():
    """A class is final, abstract, a protocol, an error, or a listed base: what works is not overridden."""
    bases = {"StopRule", "RecoveryProblem", "LowlandError", "InvalidInputError"}
    for path, tree in parsed(re.compile("^class ", re.MULTILINE)):
        for node in tree.body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            marks = {d.id for d in node.decorator_list if isinstance(d, ast.Name)}
            parents = {getattr(getattr(b, "value", b), "id", "") for b in node.bases}
            fine = (
                "final" in marks
                or parents & {"Protocol", "Enum", "ABC"}
                or node.name in bases
                or node.name.endswith(("Error", "Warning"))
            )
            assert fine or node.name in (*ESTIMATORS, "Emit") or _is_display(node), f"{path}: {node.name}"


def _is_display(node):
    return node.name.endswith("Display")


def test_judges_factor_only_what_is_finite():
    """Every factorisation of a judge goes through the one module that looks at the numbers first."""
    names = {
        "svd",
        "eigh",
        "eigvalsh",
        "eig",
        "qr",
        "cholesky",
        "cho_factor",
        "pinv",
        "lstsq",
        "solve",
        "inv",
    }
    own = {"factorisations.py"}
    found = []
    judges_alone = [path for path in sorted(SOURCE.glob("**/certificates/**/*.py")) if path.name not in own]
    for path, tree in parsed(re.compile("linalg"), judges_alone):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "scipy.linalg":
                found += [f"{path.name}: {alias.name}" for alias in node.names if alias.name in names]
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in names and ast.unparse(node.func.value).endswith("linalg"):
                first = node.args[0]
                checked = isinstance(first, ast.Call) and ast.unparse(first.func) == "finite"
                if not checked:
                    found.append(f"{path.name}: {ast.unparse(node)[:60]}")
    assert found == []


def test_imports_excused_from_the_rule_on_cycles_are_of_types_only():
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    for line in rules["importlinter:contract:acyclic"]["ignore_imports"].split("\n")[1:]:
        importer, imported = line.split(" -> ")
        tree = ast.parse(text(SOURCE.parent / f"{importer.replace('.', '/')}.py"))
        types = [part for part in tree.body if isinstance(part, ast.If) and part.test.id == "TYPE_CHECKING"]
        imports = [
            {node for node in ast.walk(part) if isinstance(node, ast.ImportFrom) and node.module == imported}
            for part in (tree, *types)
        ]
        assert imports[0] == set().union(*imports[1:]) != set(), line
