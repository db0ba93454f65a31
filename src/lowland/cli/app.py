"""The commands put together."""

from __future__ import annotations

import typer

from lowland.cli.certify import certify
from lowland.cli.complete import complete
from lowland.cli.demo import demo
from lowland.cli.diagnose import diagnose
from lowland.cli.escape import escape
from lowland.cli.info import info
from lowland.cli.predict import predict
from lowland.cli.regions import regions
from lowland.cli.regress import regress
from lowland.cli.reproduce import reproduce
from lowland.cli.sense import sense
from lowland.cli.top import top
from lowland.cli.tucker import tucker

app = typer.Typer(
    name="lowland",
    help="Recover low-rank matrices from incomplete or indirect measurements, and say what is proved.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo,
    complete,
    predict,
    top,
    sense,
    tucker,
    escape,
    regions,
    regress,
    certify,
    diagnose,
    reproduce,
    info,
):
    app.command()(command)
