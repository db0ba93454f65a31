"""`lowland diagnose`: does a table determine a matrix of this rank, and if not, where does it fail?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.cli.input import describe_table
from lowland.cli.options import (
    JsonOption,
    QuietOption,
)
from lowland.cli.output import say, say_json
from lowland.cli.reading import TableOptions
from lowland.cli.records import takes_records
from lowland.core.results.status import Verdict
from lowland.files.tables import load_table
from lowland.sensing.determinacy import diagnose as judge


@takes_records
def diagnose(
    table: Annotated[Path, typer.Argument(help="A table with missing cells, long or wide.")],
    rank: Annotated[int, typer.Option(help="Rank of the low-rank part.")],
    biases: Annotated[bool, typer.Option(help="Include free row, column and global biases.")] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
    *,
    layout: TableOptions,
) -> None:
    """Check, before any fit, whether the observed positions determine a matrix of this rank."""
    loaded = load_table(table, layout.reading)
    seen = loaded.observations
    answer = judge(seen, rank=rank, biases=("row", "column", "global") if biases else ())
    names = [
        _names(seen.row_labels, answer.short_rows),
        _names(seen.column_labels, answer.short_columns),
    ]
    if json:
        say_json(
            {
                "shape": list(answer.shape),
                "rank": answer.rank,
                "measurements": answer.measurements,
                "degrees_of_freedom": answer.degrees_of_freedom,
                "determined_by_data": answer.finite.verdict.value,
                "uniquely_determined": answer.unique.verdict.value,
                "method": answer.finite.method,
                "short_rows": names[0],
                "short_columns": names[1],
                "open_cell_count": answer.open_cell_count,
                "open_by_row": _counts(seen.row_labels, answer.open_by_row),
                "open_by_column": _counts(seen.column_labels, answer.open_by_column),
                "blocks": [
                    [_names(seen.row_labels, rows), _names(seen.column_labels, columns)]
                    for rows, columns in answer.blocks
                ],
            }
        )
        return
    say(describe_table(loaded))
    say(str(answer))
    if answer.finite.verdict is Verdict.REFUTED:
        for kind, labels in zip(("rows", "columns"), names, strict=True):
            if labels:
                more = " ..." if len(labels) > 10 else ""
                say(f"labels of {kind} with too few observations: {', '.join(labels[:10])}{more}")


def _counts(labels: Any, counts: Any) -> dict[str, int]:
    """Return the nonzero counts by label."""
    some = np.flatnonzero(counts)
    return dict(zip(_names(labels, some), counts[some].tolist(), strict=True))


def _names(labels: Any, positions: Any) -> list[str]:
    return [str(x) for x in (labels[positions] if labels is not None else np.asarray(positions))]
