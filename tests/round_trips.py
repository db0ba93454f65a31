"""Text tables completed by the command line, and compared with what went in, cell by cell."""

import csv
import io

from commands import call

# what is filled is not looked at, only that it is
QUICK = ("--rank", "1", "--method", "map", "--penalty", "1", "--max-iter", "3", "--no-certify", "--quiet")


def complete_text(folder, name, content, *options):
    """Return what `lowland complete` says of a text, and the text that it writes."""
    (folder / name).write_text(content, encoding="utf-8", newline="")
    done = call("complete", name, *QUICK, "--output", "completed.csv", "--force", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout, (folder / "completed.csv").read_bytes().decode()


def written_by(folder, name, content, *options, output):
    """Return the file that `lowland complete` writes for a text."""
    (folder / name).write_text(content, encoding="utf-8", newline="")
    done = call("complete", name, *QUICK, "--output", output, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / output


def cells_of(text, delimiter=","):
    """Return the cells of each line that has one."""
    return [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]


def assert_only_filled(before, after, gaps=("",)):
    """Assert that lines of cells are the same but for gaps, all of which hold a number."""
    assert [len(line) for line in before] == [len(line) for line in after]
    for old, new in zip(before, after, strict=True):
        for cell, other in zip(old, new, strict=True):
            if cell.strip() in gaps:
                float(other)
            else:
                assert cell == other
