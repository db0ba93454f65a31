"""The command line, one file per command. An error prints one message on stderr and exits with code 2."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import nullcontext
from typing import NoReturn


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 claim missed, 2 bad input, 130 interrupted."""
    warnings.showwarning = lambda message, *_: _say(f"warning: {message}")
    try:
        # imported here so that an interrupt during loading is handled too
        from lowland.cli.app import make_app
        from lowland.core.errors import LowlandError
        from lowland.core.stage_line import show_progress

        try:
            with nullcontext() if "--quiet" in sys.argv else show_progress():
                make_app(sys.argv[1:])()
        except LowlandError as error:
            _say(str(error))
            sys.exit(2)
    except SystemExit as end:
        if end.code == 130 and _was_interrupted(end):
            _leave_interrupted()
        raise
    except SystemError as error:
        # compiled code reports an interrupt as a SystemError
        if not _was_interrupted(error):
            raise
        _leave_interrupted()
    except MemoryError:
        _say("not enough memory for this problem")
        sys.exit(2)
    except BrokenPipeError:
        # the reader of our output has closed the pipe: not a failure, and closing must not fail either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _leave_interrupted()


def _leave_interrupted() -> NoReturn:
    _say("interrupted; nothing was saved")
    # an interrupt inside code compiled from text leaves a flag that would end the process by the signal
    # instead of the exit code; running such code once more clears the flag
    exec("pass")
    sys.exit(130)


def _was_interrupted(error: BaseException) -> bool:
    """Return whether an interrupt caused an error: frameworks convert it into errors of their own."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind is not None


def _say(text: str) -> None:
    print(f"lowland: {text}", file=sys.stderr)  # noqa: T201
