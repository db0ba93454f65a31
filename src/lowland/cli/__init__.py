"""The command line: one file a command. Errors are one message on stderr and exit code 2."""

from __future__ import annotations

import os
import sys
import warnings
from typing import NoReturn


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 claim missed, 2 bad input, 130 interrupted."""
    warnings.showwarning = lambda message, *_: _say(f"warning: {message}")
    try:
        # imported here, so that an interrupt while they load is handled too
        from lowland.cli.app import make_app
        from lowland.core.errors import LowlandError

        try:
            make_app(sys.argv[1:])()
        except LowlandError as error:
            _say(str(error))
            sys.exit(2)
    except SystemExit as end:
        if end.code == 130 and _was_interrupted(end):
            _leave_interrupted()
        raise
    except SystemError as error:
        # compiled code that is left by an interrupt says so in its own way
        if not _was_interrupted(error):
            raise
        _leave_interrupted()
    except MemoryError:
        _say("not enough memory for this problem")
        sys.exit(2)
    except BrokenPipeError:
        # the reader of our output has gone; that is no failure, and closing must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _leave_interrupted()


def _leave_interrupted() -> NoReturn:
    _say("interrupted; nothing was saved")
    # an interrupt that passed through code compiled from text leaves a mark by which the process would end
    # with the signal instead of the exit code; the next such code wipes it off
    exec("pass")
    sys.exit(130)


def _was_interrupted(error: BaseException) -> bool:
    """Whether an interrupt stands anywhere behind an error: frameworks turn it into one of their own."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind is not None


def _say(text: str) -> None:
    print(f"lowland: {text}", file=sys.stderr)  # noqa: T201
