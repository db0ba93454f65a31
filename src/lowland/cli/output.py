"""Print text or JSON, and set the exit code for required claims."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from lowland.core.atomic import was_written
from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.core.results.claims import CLAIMS
from lowland.core.results.findings import Certificate, effort_hint, short_number
from lowland.core.results.records import Attempt
from lowland.core.results.status import Verdict
from lowland.core.running.stage_line import clear_line
from lowland.core.wording import counted


def say(text: str = "") -> None:
    """Print a line on stdout."""
    clear_line()
    typer.echo(text)


def warn(text: str) -> None:
    """Print a line on stderr."""
    clear_line()
    print(text, file=sys.stderr)  # noqa: T201


def say_json(data: dict[str, Any]) -> None:
    """Print data as one JSON document."""
    clear_line()
    typer.echo(json.dumps(data, indent=2, default=str))


def say_files(paths: Mapping[str, Path | None]) -> None:
    """Print the files that were written, by what they hold."""
    for name, path in paths.items():
        if path is not None and was_written(path):
            say(f"{name}: {path}")


def starts_as_data(attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    """Return every start of a search, and how it ended, for JSON."""
    return [
        {
            "start": a.start,
            "solver": a.solver,
            "objective": a.value,
            "steps": a.iterations,
            "stop_reason": a.stop_reason.value,
        }
        for a in attempts
    ]


def start_lines(attempts: Iterable[Attempt]) -> Iterator[str]:
    """Return the same in lines of words."""
    for k, a in enumerate(attempts):
        ended = f"objective {a.value:.4g} after {counted(a.iterations, 'step')}; {a.ending}"
        yield f"start {k} ({a.start}, {a.solver}): {ended}"


def say_certificate(certificate: Certificate) -> None:
    """Print the findings, one line per claim."""
    width = max(len(finding.claim) for finding in certificate)
    for finding in certificate:
        name = finding.claim.replace("_", " ")
        say(f"  {name:<{width}}  {finding.verdict.name:<12}  {_short(finding)}")


def _short(finding: Any) -> str:
    number = "" if finding.value is None else f"{short_number(finding.value)}; "
    option = "--seconds" if finding.limited_by == "seconds" else "--effort"
    more = f"; {effort_hint(finding)} ({option})" if finding.limited_by else ""
    taken = f"; assuming {'; '.join(finding.assumptions)}" if finding.assumptions else ""
    return f"{number}{finding.method} ({finding.rigour.value.replace('_', ' ')}){taken}{more}"


def typed_command() -> str:
    """Return the command as it was typed, without passwords in the address of a database."""
    from lowland.files.foreign.databases import shown

    words = list(sys.argv[1:])
    for k, word in enumerate(words):
        if word.startswith("--database="):
            words[k] = f"--database={shown(word.partition('=')[2])}"
        elif k and words[k - 1] == "--database":
            words[k] = shown(word)
    return shlex.join(["lowland", *words])


def refuse_given(typed: typer.Context, names: tuple[str, ...], where: str, why: str, fix: str) -> None:
    """Raise if an option was given that has no effect: no option is silently ignored."""
    for name in names:
        source = typed.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            option = f"--{name.replace('_', '-')}"
            raise InvalidInputError(
                f"{option} has no effect on {where}",
                _shown(typed.params[name]),
                why,
                f"omit {option}, or {fix}",
            )


def _shown(given: Any) -> str:
    return str(given) if isinstance(given, Path) else repr(given)


def check_claim(claim: str | None) -> None:
    """Raise unless --require names a known claim."""
    if claim is not None and claim not in CLAIMS:
        raise InvalidInputError(
            "--require names an unknown claim", claim, fix=f"use one of {', '.join(CLAIMS)}"
        )


def exit_on_missed(certificate: Certificate | None, claim: str | None) -> None:
    """Exit with code 1 if a required claim is neither PROVED nor SUPPORTED."""
    if claim is None:
        return
    verdict = certificate[claim].verdict if certificate is not None and claim in certificate else None
    if verdict not in (Verdict.PROVED, Verdict.SUPPORTED):
        warn(f"lowland: the required claim {claim} is {verdict.name if verdict else 'not judged'}")
        raise typer.Exit(1)


def try_report(write: Any, path: Any) -> bool:
    """Write a report and return whether it was written; say how to install a missing optional package."""
    try:
        write()
    except MissingExtraError as error:
        warn(f"lowland: no report was written\n  {error}")
        return False
    return path is not None
