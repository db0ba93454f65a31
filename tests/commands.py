"""The command line, called in this process, or as a process of its own."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import warnings
from functools import cache
from unittest import mock

import typer

from lowland.cli import app, run

COMMAND = [sys.executable, "-m", "lowland"]
ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "100"}


@cache
def _made(asked, shows_help):
    return _MAKE([asked, *["--help"] * shows_help])


_MAKE, _BUILD = app.make_app, cache(typer.main.get_command)


def _kept_app(arguments):
    """Return the command line that was made for the same command before: its options are read but once."""
    return _made(app.asked_command(arguments), "--help" in arguments)


def call(*arguments, cwd, env=None):
    """Run a command as `python -m lowland` would, without another start of Python.

    With an environment of its own it is a process of its own.
    """
    if env:
        return call_process(*arguments, cwd=cwd, env=env)
    written, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(errors),
        mock.patch.object(sys, "argv", ["lowland", *map(str, arguments)]),
        mock.patch.dict(os.environ, ENVIRONMENT),
        mock.patch.object(app, "make_app", _kept_app),
        mock.patch.object(typer.main, "get_command", _BUILD),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        code = run()
    return subprocess.CompletedProcess(arguments, code, written.getvalue(), errors.getvalue())


def without(package):
    """Return a context within which a package cannot be imported, as if it were not installed."""
    loaded = [name for name in sys.modules if name.startswith(f"{package}.")]
    return mock.patch.dict(sys.modules, dict.fromkeys([package, *loaded]))


def call_process(*arguments, cwd, env=None):
    """Run a command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **ENVIRONMENT, **(env or {})},
        timeout=300,
        check=False,
    )


def usual_signals():
    """Let a new process hear all signals, also if these tests ignore some: in the background, under nohup."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def assert_clean_error(result, *words):
    """Assert that bad input ended in one message without a traceback."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
