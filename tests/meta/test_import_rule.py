"""The import rule bites: it is kept, and each planted violation of it is caught."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lowland"
PLANTED = {
    "core imports a room": ("core/results/status.py", "import lowland.measure"),
    "core imports scipy": ("core/results/status.py", "import scipy"),
    "kernels import measure": ("kernels/sort.py", "import lowland.measure"),
    "measure imports losses": ("measure/dense.py", "import lowland.losses"),
    "models import objectives": ("models/psd.py", "import lowland.objectives"),
    "search knows models": ("search/loop.py", "import lowland.models"),
    "search knows measurements": ("search/starts.py", "from lowland.measure import Entries"),
    "judges know losses": ("certificates/gaps/dual.py", "import lowland.losses"),
    "judges know search": ("certificates/gaps/dual.py", "import lowland.search"),
    "judges know a domain": ("certificates/judges.py", "import lowland.tensors.certificates.judges"),
    "a domain's judge knows its model": (
        "tensors/certificates/flattenings.py",
        "import lowland.tensors.tucker.model",
    ),
    "a domain's judge knows its objective": (
        "networks/certificates/region_minima.py",
        "import lowland.networks.regions.objective",
    ),
    "a domain's stepper knows its objective": (
        "tensors/search/high_order_escape.py",
        "import lowland.tensors.tucker.objective",
    ),
    "tensors know tables": ("tensors/tucker/fit.py", "import lowland.completion.plan"),
    "networks know dynamics": ("networks/splines/descent.py", "import lowland.dynamics.laws"),
    "completion knows dynamics": ("completion/plan.py", "import lowland.dynamics.laws"),
    "sensing knows tables": ("sensing/recovery.py", "import lowland.completion.plan"),
    "bayes knows sensing": ("bayes/posterior.py", "import lowland.sensing.searching.solvers"),
    "report knows models": ("report/words.py", "import lowland.models"),
    "testing knows measure": ("testing/solvers.py", "import lowland.measure"),
    "numba outside kernels": ("search/gradient.py", "import numba"),
    "numba in a domain outside its kernels": ("dynamics/exits/kramers.py", "import numba"),
    "matplotlib outside displays": ("sensing/recover.py", "import matplotlib"),
    "jinja2 in the command line": ("cli/commands/info.py", "import jinja2"),
    "the root from a room": ("search/loop.py", "from lowland import recover"),
    "estimators import the command line": ("estimators/matrix_completion.py", "import lowland.cli"),
    "the table of judges imports estimators": ("judges.py", "import lowland.estimators"),
    "a cycle within a room": ("search/stops.py", "import lowland.search.loop"),
    "a new room": ("utils/__init__.py", ""),
}
ALLOWED = ("search/loop.py", "import lowland.core.results.status")
LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
# The graph of imports is read twice, without the planted lines and with all of them; what each line adds
# to it is then checked alone. Reading the tree anew for each would take half a second.
# Cycles are searched for where no other contract is broken: that takes half of the time.
LINTER = """
import configparser, contextlib, copy, io, json, pathlib, sys
import grimp
from importlinter import cli
from importlinter.application.app_config import settings

planted = json.load(sys.stdin)


class Builder:
    graph = None

    def build(self, **options):
        return self.graph


def read():
    return grimp.build_graph("lowland", include_external_packages=True, cache_dir=None)


config = configparser.ConfigParser()
config.read(".importlinter")
contracts = [name.split(":")[-1] for name in config.sections() if ":" in name]
others = tuple(name for name in contracts if name != "acyclic")
assert len(others) == len(contracts) - 1
builder, clean = Builder(), read()
settings.configure(GRAPH_BUILDER=builder)
for file, line in planted.values():
    path = pathlib.Path("lowland", file)
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as stream:
        stream.write(f"\\n{line}\\n")
whole, found = read(), {}
for name, (file, line) in planted.items():
    builder.graph = graph = copy.deepcopy(clean)
    module = "lowland." + file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    graph.add_module(module)
    for imported in whole.find_modules_directly_imported_by(module):
        for one in whole.get_import_details(importer=module, imported=imported):
            if one["line_contents"] == line:
                graph.add_module(imported, is_squashed=whole.is_module_squashed(imported))
                graph.add_import(**one)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = cli.lint_imports(limit_to_contracts=others)
        found[name] = code or cli.lint_imports(limit_to_contracts=("acyclic",)), out.getvalue()
print(json.dumps(found))
"""


def tree(folder):
    """Return the folder with a copy of the source and of the rule."""
    shutil.copytree(SOURCE, folder / "lowland", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def answer(folder, command, given=""):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return a tree with all violations, and what the linter says of each: its exit code and its words."""
    folder = tree(tmp_path_factory.mktemp("planted"))
    result = answer(folder, [sys.executable, "-c", LINTER], json.dumps(PLANTED | {"allowed": ALLOWED}))
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout)


def test_import_rule_is_kept(tmp_path):
    result = answer(tree(tmp_path), LINT)
    assert result.returncode == 0, result.stdout


def test_a_tree_with_every_violation_is_refused(planted):
    result = answer(planted[0], LINT)
    assert result.returncode == 1, result.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_planted_violation_is_caught(name, planted):
    code, words = planted[1][name]
    assert code == 1, f"{name} was not caught:\n{words}"


def test_an_import_that_is_allowed_is_not_called_a_violation(planted):
    code, words = planted[1]["allowed"]
    assert code == 0, words
