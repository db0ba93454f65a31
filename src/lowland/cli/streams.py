"""Standard streams that were closed by whoever started the command."""

from __future__ import annotations

import os
import sys

# how a device that stands for a closed one is opened: what needs it fails
STREAMS = {"stdin": os.O_WRONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


def fill_closed() -> None:
    """Open what is closed of standard input, output and error, so that no file of a table takes its number.

    Reading or writing these fails as it would on a closed stream, when something is to be read or written;
    what is said on a closed standard error goes nowhere.
    """
    for number, (name, access) in enumerate(STREAMS.items()):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
