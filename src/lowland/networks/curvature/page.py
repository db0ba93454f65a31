"""What the page of a network says of its sharpness."""

from __future__ import annotations

from collections.abc import Sequence

from lowland.core.results.status import StopReason
from lowland.networks.curvature.rescaling import FlattestRescaling
from lowland.networks.curvature.sharpness import SharpnessEstimate
from lowland.report.page import TableEntry


def sharpness_table(found: SharpnessEstimate | None, flat: FlattestRescaling) -> TableEntry:
    """Return the ends of the sharpness and of the stable steps as a table; `found` needs targets."""
    rows: list[tuple[str, str, str]] = []
    if found is not None:
        rows += [
            ("largest curvature of the loss (the sharpness)", *_ends((found.lower, found.upper))),
            ("smallest curvature of the loss", *_ends(found.smallest)),
            ("largest stable step of gradient descent", *_ends(found.largest_step())),
        ]
    rows += [
        ("largest curvature of the linearised network", *_ends((flat.given, flat.given))),
        ("the same at the flattest rescaling of the neurons", *_ends((flat.lower, flat.upper))),
        ("largest stable step there", *_ends(flat.largest_step())),
    ]
    return TableEntry("Sharpness of the loss, by all weights and biases", ("", "from", "to"), rows)


def sharpness_notes(found: SharpnessEstimate | None, flat: FlattestRescaling) -> list[str]:
    """Return what limits these numbers, in sentences."""
    notes = []
    if found is not None:
        notes.append(
            f"The upper end of the sharpness fails with a chance of {found.failure_probability:.2g}, over "
            "random starts; the lower end holds but for rounding. Steps are those at a minimum."
        )
    ends = [one.stop_reason for one in (found, flat) if one is not None]
    stopped = [end.value.replace("_", " ") for end in ends if end is not StopReason.CONVERGED]
    if stopped:
        notes.append(f"Before the ends were as close as asked, the search stopped: {', '.join(stopped)}.")
    return notes


def _ends(numbers: Sequence[float]) -> tuple[str, str]:
    return f"{numbers[0]:.6g}", f"{numbers[1]:.6g}"
