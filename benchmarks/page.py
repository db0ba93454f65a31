"""The results of one run as a page (ratios as bars, then every table), and as Markdown."""

from lowland.core.atomic import write_whole
from lowland.report.page import FigureEntry, Page, TableEntry, write_report


def write_page(results: dict, path: str) -> None:
    """Write the page of results to a file."""
    figures = []
    for of, title, words in (
        ("peer", "Beside peers", "Ratios to peers in the same run; the line is equality."),
        ("limit", "Of the limit", "Fractions of the machine's limit in the same run."),
        (
            "own",
            "Beside the plain form",
            "Ratios to lowland's own plain form in the same run; the line is equality.",
        ),
    ):
        ratios = [ratio for run in results["runs"] for ratio in run["ratios"] if ratio["of"] == of]
        if ratios:
            figures.append(FigureEntry(title, words, lambda ax, ratios=ratios: draw(ax, ratios)))
    tables = []
    for run in results["runs"]:
        about = f"{run['name']} · {run['date']}, threads: {run['threads']}, {run['seconds']:g} s"
        for table in run["tables"]:
            tables.append(TableEntry(about, table["header"], table["rows"]))
        notes = [[note] for note in run["notes"]]
        if notes:
            tables.append(TableEntry(about, ["also printed"], notes))
    asked = [(name, results[name]) for name in ("machine", "python", "revision", "date")]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    page = Page(
        "Benchmarks",
        [*asked, ("versions", versions)],
        None,
        tables=tables,
        figures=figures,
        headline="One run, on one machine and of one revision. Ratios are meant; seconds only illustrate.",
    )
    write_report(path, page)


def write_markdown(results: dict, path: str) -> None:
    """Write the results to a file of Markdown: ratios first, then what each benchmark printed."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [
        "# Results of the benchmarks",
        "",
        "Written by `python benchmarks/run.py --write` from `results.json`: one run, on one machine and of one revision.",
        "Ratios are meant; seconds only illustrate.",
        "",
        *(f"- {name}: {results[name]}" for name in ("machine", "python", "revision", "date")),
        f"- versions: {versions}",
        "",
        "## Ratios",
        "",
        "| benchmark | what | ratio | better | beside |",
        "|---|---|---|---|---|",
    ]
    for run in results["runs"]:
        for ratio in run["ratios"]:
            told = run["name"], ratio["name"], f"{ratio['value']:.3g}", ratio["better"], ratio["of"]
            lines.append(_row(told))
    for run in results["runs"]:
        lines += ["", f"## `{run['name']}`", "", f"Threads: {run['threads']}; {run['seconds']:g} s."]
        for table in run["tables"]:
            header = table["header"]
            lines += ["", _row(header), "|" + "---|" * len(header), *map(_row, table["rows"])]
        if run["notes"]:
            lines += ["", "```", *run["notes"], "```"]
    write_whole(path, lambda file: file.write(("\n".join(lines) + "\n").encode()))


def _row(cells) -> str:
    return f"| {' | '.join(cells)} |"


def draw(ax, ratios: list[dict]) -> None:
    """Draw one bar per ratio; those of which less is better are turned round, so that right of one is ahead."""
    gains = [r["value"] if r["better"] == "higher" else 1 / r["value"] for r in ratios]
    places = range(len(ratios))
    ax.barh(places, gains, color=["#1a7f5a" if gain >= 1 else "#c05621" for gain in gains], height=0.7)
    ax.set_yticks(places, [r["name"] for r in ratios], fontsize=6)
    ax.invert_yaxis()
    ax.axvline(1, color="0.4", lw=1)
    ax.set_xscale("log")
    ax.set_xlabel("times as good")
