"""The self-contained HTML page: no network access, light and dark mode, suited to print."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any, final

from lowland.core.errors import MissingExtraError
from lowland.core.results.findings import Certificate, describe
from lowland.report.figures import draw_svg
from lowland.report.plain_findings import answer
from lowland.report.words import verdict_sentence

if TYPE_CHECKING:
    from lowland.report.figures import Axes


# claims about the point at which a search ended, which say little about the answer's worth
OF_SEARCH = (
    "stationary",
    "second_order_stationary",
    "strict_local_minimum",
    "local_minimum",
    "locally_unique",
)

# the beginning of a number, or nothing
_NUMBER = re.compile(r"$|[-+\u2212<>~\u00b1 ]*(\d|(inf|nan)\b)")


@final
@dataclass(frozen=True)
class FigureEntry:
    """A plot on the page.

    Parameters
    ----------
    title : str
    alternative : str
        Description of the figure, used as alternative text and caption.
    draw : callable
        Draws on the given axes.
    """

    title: str
    alternative: str
    draw: Callable[[Axes], object]


@final
@dataclass(frozen=True)
class TableEntry:
    """A table on the page: a title, a header and rows of text."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def numeric_columns(self) -> list[int]:
        """Return the columns but the first whose cells all begin with a number, or are empty."""
        columns = list(zip(*self.rows, strict=True))
        return [k for k in range(1, len(columns)) if all(_NUMBER.match(cell) for cell in columns[k])]


@final
@dataclass(frozen=True)
class Lead:
    """The answer to the question of a page's reader.

    Parameters
    ----------
    sentences : sequence of str
    tables : sequence of TableEntry
    figures : sequence of FigureEntry
    """

    sentences: Sequence[str] = ()
    tables: Sequence[TableEntry] = ()
    figures: Sequence[FigureEntry] = ()


@final
@dataclass(frozen=True)
class Page:
    """The contents of a report, in order.

    Parameters
    ----------
    title : str
    asked : sequence of (str, str)
        The problem and the fit, as pairs of name and value.
    certificate : Certificate or None
    notes : sequence of str
        Sentences below the verdict.
    tables : sequence of TableEntry
    figures : sequence of FigureEntry
    settings : sequence of (str, str)
        What is needed to reproduce the result.
    headline : str
        The sentence at the top; by default the verdict.
    lead : Lead, optional
        The answer to the question of the page's reader, above the verdict.
    box : sequence of str
        What is proved of it, above everything else, in place of the verdict.
    """

    title: str
    asked: Sequence[tuple[str, str]]
    certificate: Certificate | None
    notes: Sequence[str] = ()
    tables: Sequence[TableEntry] = ()
    figures: Sequence[FigureEntry] = ()
    settings: Sequence[tuple[str, str]] = field(default_factory=tuple)
    headline: str = ""
    lead: Lead | None = None
    box: Sequence[str] = ()


def render_page(page: Page) -> str:
    """Return the page as HTML text.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise MissingExtraError(
            "reports need an optional package", "jinja2 is not installed", fix="pip install 'lowland[report]'"
        ) from error
    from importlib.metadata import version

    template = (files("lowland.report") / "page.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    findings: list[dict[str, Any]] = []
    behind: list[dict[str, Any]] = []
    for finding in page.certificate or ():
        (behind if finding.claim in OF_SEARCH else findings).append(
            {
                "claim": finding.claim.replace("_", " "),
                "verdict": finding.verdict.value,
                "answer": answer(finding),
                "details": describe(finding),
                "seconds": f"{finding.seconds:.2g} s",
            }
        )
    lead = page.lead or Lead()
    text: str = environment.from_string(template).render(
        page=page,
        sentence=page.headline or verdict_sentence(page.certificate),
        overall=page.certificate.verdict.value if page.certificate else "inconclusive",
        # of a search alone, as of a network that is not judged otherwise, they are the answer
        findings=findings or behind,
        search_findings=behind if findings else [],
        lead=lead,
        lead_figures=_drawn(lead.figures, "lead"),
        figures=_drawn(page.figures, "figure"),
        version=version("lowland"),
    )
    return text


def _drawn(entries: Sequence[FigureEntry], kind: str) -> list[dict[str, str]]:
    return [
        {
            "title": entry.title,
            "alternative": entry.alternative,
            "svg": draw_svg(entry.draw, name=f"{kind}-{k}-"),
        }
        for k, entry in enumerate(entries)
    ]


def write_report(path: str | os.PathLike[str], page: Page) -> None:
    """Write the page to a file, atomically.

    Parameters
    ----------
    path : path
    page : Page
    """
    from lowland.core.atomic import write_whole

    text = render_page(page).encode("utf-8")

    def write(file: IO[bytes]) -> None:
        file.write(text)

    write_whole(path, write)
