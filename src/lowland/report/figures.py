"""Figures as inline SVG that follow the page's colours, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from lowland.core.errors import MissingExtraError

if TYPE_CHECKING:
    # named here once, for all displays
    from matplotlib.axes import Axes as Axes

# INK is a placeholder that is replaced by the page's text colour
INK = "#123456"
ACCENT = "#0072b2"
SECOND = "#d55e00"
FAINT = "#9aa5ad"
# colours of the lines of one plot, in order
COLOURS = (ACCENT, SECOND, "#009e73", "#cc79a7", "#e69f00")
# inches at 72 per inch; the page scales figures to its own width
SIZE = (6.4, 3.9)


def require_matplotlib() -> ModuleType:
    """Return matplotlib, or raise an error that says how to install it."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(
            "plots and reports need an optional package",
            "matplotlib is not installed",
            fix="pip install 'lowland[report]'",
        ) from error
    return matplotlib


def draw_svg(draw: Callable[[Axes], object], *, name: str = "") -> str:
    """Draw on fresh axes and return the SVG element.

    Parameters
    ----------
    draw : callable
        Takes the axes.
    name : str
        Begins all identifiers within the figure, which must differ from those of other figures on a page.

    Returns
    -------
    str
        An ``<svg>`` element without fixed size, whose text stays text.
    """
    matplotlib = require_matplotlib()
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "lowland",
        "font.family": "sans-serif",
        "font.size": 13,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.labelcolor": INK,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}", text)
    rest = text.split(">", 1)[1]
    size = f' viewBox="0 0 {SIZE[0] * 72:g} {SIZE[1] * 72:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"{size}>{rest}'
