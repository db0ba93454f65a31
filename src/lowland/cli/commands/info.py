"""`lowland info`: versions, threads and kernels."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from lowland.cli.output import say, say_json
from lowland.kernels.lanes.llvm_simd import ACCUMULATORS, has_wide_registers
from lowland.kernels.systems.rows import default_form
from lowland.kernels.threads import thread_count

PACKAGES = ("lowland", "numpy", "scipy", "numba", "scikit-learn", "pyarrow", "matplotlib", "jinja2")


def info(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print versions and system details for bug reports."""
    data: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    for name in PACKAGES:
        try:
            data[name] = version(name)
        except PackageNotFoundError:
            data[name] = "not installed"
    registers = "512-bit" if has_wide_registers() else "narrower"
    data["threads"] = thread_count()
    data["row kernel"] = (
        f"{default_form(16)} form, {registers} registers, {ACCUMULATORS} accumulators per tile"
    )
    if json:
        say_json(data)
        return
    width = max(map(len, data))
    for name, value in data.items():
        say(f"{name:<{width}}  {value}")
