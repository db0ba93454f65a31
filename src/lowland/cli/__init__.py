"""The command line, one file per command. An error prints one message on stderr and exits with code 2."""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

# the code of commands that were interrupted; signals other than SIGINT have their own
INTERRUPTED = 130
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# what a device says that takes no more, and a closed stream
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)
# standard streams, and how the device that stands for a closed one is opened: what needs it fails
STREAMS = {"stdin": os.O_WRONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


def main() -> None:
    """Run the command line and exit with its code."""
    code = run()
    # all is done and said: a signal that comes while the interpreter ends must not change the code
    for name in SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None:
            signal.signal(number, signal.SIG_IGN)  # other handlers are removed before the end
    sys.exit(code)


def run() -> int:
    """Run the command line and return its code: 0 done, 1 claim missed, 2 bad input, 130 interrupted.

    SIGTERM and SIGHUP end a command as Ctrl-C does, with codes 143 and 129.
    """
    warnings.showwarning = lambda message, *_: _say(f"warning: {message}")
    try:
        _fill_closed()
        # imported here so that an interrupt during loading is handled too
        from lowland.cli.signals import taking_signals
        from lowland.core.atomic import noting_files

        with taking_signals() as signals, noting_files() as written:
            code = _run(written)
            code = 128 + signals.last if code == INTERRUPTED else code
    except KeyboardInterrupt:
        code = _say_interrupted(())
    return _flush(code)


def _fill_closed() -> None:
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


def _run(written: Sequence[Path]) -> int:
    """Run the command and return its code; `written` grows with every file that it writes."""
    try:
        from lowland.cli.app import asked_command, make_app
        from lowland.core.errors import LowlandError
        from lowland.core.running.stage_line import show_progress

        try:
            with nullcontext() if "--quiet" in sys.argv else show_progress():
                make_app(sys.argv[1:])()
        except LowlandError as error:
            from lowland.cli.option_words import writer_for

            arguments = sys.argv[1:]
            _say(error.told(writer_for(make_app(arguments), asked_command(arguments))))
            return 2
    except SystemExit as end:
        if _comes_from(end, BrokenPipeError):
            return _without_reader()
        # 1 from earlier versions of Typer
        if end.code in (1, INTERRUPTED) and _comes_from(end, KeyboardInterrupt):
            return _say_interrupted(written)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except SystemError as error:
        # compiled code reports an interrupt as a SystemError
        if not _comes_from(error, KeyboardInterrupt):
            raise
        return _say_interrupted(written)
    except MemoryError:
        _say("not enough memory for this problem")
        return 2
    except BrokenPipeError:
        return _without_reader()
    except OSError as error:
        if error.filename is not None or error.errno not in FULL:
            raise
        return _say_full(error)
    except KeyboardInterrupt:
        return _say_interrupted(written)
    return 0


def _flush(code: int) -> int:
    """Write what is still held back, and return the code of the process."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout.fileno())
    except OSError as error:
        return _say_full(error)
    return code


def _say_full(error: OSError) -> int:
    _discard(sys.stdout.fileno())
    _say(f"cannot write to standard output\n  found: {error.strerror}")
    return 2


def _without_reader() -> int:
    """Return the code of a command whose reader has closed the pipe: that is no failure."""
    _discard(sys.stdout.fileno())
    return 0


def _discard(stream: int) -> None:
    """Send what is still written to a stream nowhere, so that closing it cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _say_interrupted(written: Sequence[Path]) -> int:
    # a folder that was to appear whole is gone again
    names = ", ".join(dict.fromkeys(str(path) for path in written if path.exists()))
    more = "; --resume continues from the checkpoint" if names.endswith(".checkpoint") else ""
    _say(f"interrupted; written before: {names}{more}" if names else "interrupted; nothing was saved")
    # an interrupt inside code compiled from text leaves a flag that would end the process by the signal
    # instead of the exit code; running such code once more clears the flag
    exec("pass")
    return INTERRUPTED


def _comes_from(error: BaseException, kind: type[BaseException]) -> bool:
    """Return whether an error of a kind caused another: frameworks convert errors into their own."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, kind):
        behind = behind.__context__
    return behind is not None


def _say(text: str) -> None:
    with suppress(OSError):  # nobody may be there to read it
        print(f"lowland: {text}", file=sys.stderr)  # noqa: T201
