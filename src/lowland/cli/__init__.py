"""The command line: one file a command. Errors are one message on stderr and exit code 2."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 claim missed, 2 bad input, 130 interrupted."""
    from lowland.cli.app import app
    from lowland.core.errors import LowlandError

    try:
        app(standalone_mode=True)
    except LowlandError as error:
        print(f"lowland: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except MemoryError:
        print("lowland: not enough memory for this problem", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except BrokenPipeError:
        # the reader of our output has gone; do not complain while closing either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        print("lowland: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
