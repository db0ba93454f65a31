"""HTML for notebooks: tables and lines of text, escaped, to be read on light and on dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# of verdicts, and of what became of them when they were checked: beside the word, seen on white as on black
GREEN, BLUE, AMBER, RED = "#178a50", "#2f7cd0", "#977212", "#d2483e"
COLOURS = {
    "PROVED": GREEN,
    "SUPPORTED": BLUE,
    "INCONCLUSIVE": AMBER,
    "REFUTED": RED,
    "confirmed": GREEN,
    "not checked": AMBER,
    "contradicted": RED,
}
# lines that are shown at once, others on demand
FIRST = 8


def table_html(
    header: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", numbers: bool = False
) -> str:
    """Return a table of texts, the first of each row its heading; verdicts are coloured.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences of str
    caption : str
    numbers : bool
        Whether cells but the first of each row are numbers, which end where their column ends.
    """
    # notebooks have their own style: right-aligned cells, on one line
    left, side = "text-align:left;white-space:nowrap", f"text-align:{'right' if numbers else 'left'}"
    side += ";white-space:normal"
    heads = [_cell("th", escape(name), side if k else left, "col") for k, name in enumerate(header)]
    lines = [
        [_cell("th", escape(first), left, "row"), *(_cell("td", _coloured(cell), side) for cell in cells)]
        for first, *cells in rows
    ]
    head, *body = (f"<tr>{''.join(line)}</tr>" for line in [heads, *lines])
    # a caption of the table would be as narrow as the table
    title = f"<div>{escape(caption)}</div>" if caption else ""
    return f"{title}<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def lines_html(name: str, lines: Sequence[str]) -> str:
    """Return lines of text below a name: the first beside it, many on demand."""
    first, *others = lines
    shown, more = (others, []) if len(others) <= FIRST + 1 else (others[:FIRST], others[FIRST:])
    text = f"<div><strong>{escape(name)}</strong> {escape(first)}</div>{_text(shown)}"
    return text + (
        f"<details><summary>{len(more)} more lines</summary>{_text(more)}</details>" if more else ""
    )


def _cell(tag: str, html: str, style: str, scope: str = "") -> str:
    of = f' scope="{scope}"' if scope else ""
    return f'<{tag}{of} style="vertical-align:top;{style}">{html}</{tag}>'


def _text(lines: Sequence[str]) -> str:
    style = "white-space:pre-wrap;margin:0.3em 0"
    return f'<pre style="{style}">{escape(chr(10).join(lines))}</pre>' if lines else ""


def _coloured(cell: str) -> str:
    colour = COLOURS.get(cell)
    if colour is None:
        return escape(cell)
    return f'<b style="border-left:4px solid {colour};padding-left:0.4em">{cell}</b>'
