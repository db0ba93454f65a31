"""Records of options: commands take them whole, the command line the options within."""

import inspect
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from lowland.cli.plan_options import PlanOptions, options_of
from lowland.cli.records import argument, option, takes_records
from lowland.completion.plan import SETTINGS, CompletionPlan
from lowland.completion.settings import MODEL, RUNNING, ValueKind


@dataclass(frozen=True, kw_only=True)
class Inner:
    PANEL: ClassVar = "Within"
    loud: bool = option(False, "Say it loudly.", "--loud")
    often: int = option(1, "How often.", panel="Elsewhere")


@dataclass(frozen=True, kw_only=True)
class Outer:
    words: list[str] | None = argument("What to say.", default=None)
    inner: Inner
    seed: Annotated[int, typer.Option(help="A seed.")] = 0


def run(command, *arguments):
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return CliRunner().invoke(app, list(arguments), env={"NO_COLOR": "1", "COLUMNS": "100"})


def test_records_are_made_of_their_options():
    seen = []

    @takes_records
    def command(asked: Outer, name: str = "x") -> None:
        seen.append((asked, name))

    assert run(command, "a", "b", "--loud", "--often", "3", "--name", "y").exit_code == 0
    assert run(command).exit_code == 0
    inner = Inner(loud=True, often=3)
    assert seen == [(Outer(words=["a", "b"], inner=inner), "y"), (Outer(inner=Inner()), "x")]
    assert list(inspect.signature(command).parameters) == ["words", "loud", "often", "seed", "name"]


def test_options_stand_in_the_panel_of_their_record():
    @takes_records
    def command(inner: Inner) -> None:
        """Do it."""

    shown = {
        name: parameter.annotation.__metadata__[0].rich_help_panel
        for name, parameter in inspect.signature(command).parameters.items()
    }
    assert shown == {"loud": "Within", "often": "Elsewhere"}
    assert "Say it loudly." in run(command, "--help").output


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_of_a_plan_is_an_option(setting):
    of_panel = PlanOptions(setting.panel)
    defaults = {p.name: p.default for p in of_panel.parameters()}
    assert of_panel.make(defaults) == CompletionPlan()
    given, value = {
        ValueKind.WORD: ("column", "column"),
        ValueKind.FLAG: (not setting.default, not setting.default),
        ValueKind.ANSWER: ("yes", True),
        ValueKind.WHOLE: (7, 7),
        ValueKind.RANK: ("3", 3),
        ValueKind.NUMBER: ("0.5", 0.5),
        ValueKind.MAYBE: (0.5, 0.5),
        ValueKind.TOLERANCE: (0.5, 0.5),
        ValueKind.LOSS: (["a=huber"], {"a": "huber"}),
        ValueKind.BOUNDS: (["a=0:9", "b=c=-1.5:"], {"a": [0.0, 9.0], "b=c": [-1.5, None]}),
        ValueKind.PREDICTORS: (["a=b", 'a=c,"d, e"', "f=a"], {"a": ["b", "c", "d, e"], "f": ["a"]}),
        ValueKind.COLUMNS: (["a", "b c"], ["a", "b c"]),
    }[setting.kind]
    plan = of_panel.make(defaults | {setting.name: given})
    assert getattr(plan, setting.name) == value
    assert plan.given == {setting.name}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (CompletionPlan(), "--method auto"),
        (CompletionPlan(rank=3, tol=0.001), "--method variational --rank 3 --tol 0.001"),
        (CompletionPlan(biases=False, nonnegative=True), "--method map --no-biases --nonnegative"),
        (CompletionPlan(pattern=True, refine=False), "--method variational --pattern yes --refine no"),
        (CompletionPlan(loss={"a b": "huber"}), "--method auto --loss 'a b=huber'"),
        (CompletionPlan(method="gibbs", draws=7), "--method gibbs --draws 7"),
        (
            CompletionPlan(may_be_negative=["a", "b c"]),
            "--method auto --may-be-negative a --may-be-negative 'b c'",
        ),
        (CompletionPlan(may_be_negative=True), "--method auto --may-be-negative '*'"),
        (
            CompletionPlan(bounds={"a": [0.0, None]}, predictors={"a b": ["c", "d"]}),
            "--method gaussian --bounds a=0: --predictors 'a b=c,d'",
        ),
        (
            CompletionPlan(penalty=2.0, penalty_weights="counts"),
            "--method map --penalty 2 --penalty-weights counts",
        ),
    ],
)
def test_plans_are_shown_by_their_options(plan, words):
    assert options_of(plan) == words


def test_the_panels_hold_all_settings():
    named = [p.name for panel in (MODEL, RUNNING) for p in PlanOptions(panel).parameters()]
    assert sorted(named) == sorted(setting.name for setting in SETTINGS)
