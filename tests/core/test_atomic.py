"""Files are written whole or not at all, whatever the target is, and nobody's permissions change."""

import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from lowland.core.atomic import (
    UNFINISHED,
    _short,
    check_writable,
    is_same_file,
    noting_files,
    real_path,
    write_whole,
)
from lowland.core.errors import InvalidInputError

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the files of Unix")


def write(path, text="new"):
    write_whole(path, lambda file: file.write(text.encode()))


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(UNFINISHED)]


@unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_permissions_of_an_existing_file_are_kept(tmp_path, mode):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@unix
def test_a_new_file_has_the_permissions_of_the_mask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@unix
def test_a_read_only_file_is_refused_even_to_a_superuser(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(InvalidInputError, match="read-only"):
        write(path)
    assert path.read_text() == "old"
    assert not leftovers(tmp_path)


@unix
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_written_through(tmp_path, exists):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    if exists:
        target.write_text("old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_text() == "new"


@unix
def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    # formats that seek, such as archives, can be written to a pipe too
    write_whole(pipe, lambda file: (file.write(b"new"), file.seek(0), file.write(b"N")))
    reader.join(10)
    assert read == ["New"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@unix
def test_a_full_device_is_told_and_stays_a_device():
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with pytest.raises(InvalidInputError, match="No space left"):
        write("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert not leftovers(tmp_path)


KILLED = """
import sys, time
from lowland.core.atomic import write_whole

def write(file):
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    time.sleep(60)

write_whole(sys.argv[1], write)
"""


@unix
def test_leftovers_of_killed_processes_are_removed_but_not_those_of_live_ones(tmp_path):
    path = tmp_path / "m*.npz"
    (tmp_path / ".mine.npz.abc.part").write_text("of another file")
    processes = [
        subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == b"begun\n"
    assert len(leftovers(tmp_path)) == 3
    processes[0].kill()
    processes[0].wait()
    write(path)
    assert len(leftovers(tmp_path)) == 2  # one of a live process, and one of another file
    processes[1].kill()
    processes[1].wait()
    write(path)
    assert leftovers(tmp_path) == [".mine.npz.abc.part"]
    assert path.read_text() == "new"
    for process in processes:
        process.stdout.close()


def test_files_are_noted(tmp_path):
    with noting_files() as files:
        write(tmp_path / "a")
        with pytest.raises(InvalidInputError):
            write(tmp_path / "nowhere" / "b")
    write(tmp_path / "c")
    assert files == [tmp_path / "a"]


def test_two_writers_of_one_file(tmp_path):
    """Whoever is last wins, and nothing is left of the other."""
    path, started = tmp_path / "a", threading.Event()

    def slow(file):
        file.write(b"slow")
        started.set()
        time.sleep(0.2)

    thread = threading.Thread(target=write_whole, args=(path, slow))
    thread.start()
    started.wait(10)
    write(path, "quick")
    assert path.read_text() == "quick"
    thread.join(10)
    assert path.read_text() == "slow"
    assert not leftovers(tmp_path)


@unix
def test_names_that_cannot_be_are_refused_before_work(tmp_path):
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    for name, found in (("one", "symbolic links"), ("one/file", "symbolic links"), ("x" * 300, "too long")):
        for ask in (check_writable, write):
            with pytest.raises(InvalidInputError, match=found):
                ask(tmp_path / name)
    assert (tmp_path / "one").is_symlink()


@unix
def test_the_longest_names_are_written_and_their_leftovers_removed(tmp_path):
    path = tmp_path / ("y" * 255)
    left = tmp_path / f".{_short(path.name)}.old{UNFINISHED}"
    left.write_text("left by a killed process")
    write(path)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == [path.name]


@unix
def test_other_names_of_a_file_keep_its_contents_and_that_is_said(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    with pytest.warns(UserWarning, match="b is a hard link: the other names"):
        write(tmp_path / "b")
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("old", "new")


@unix
def test_links_of_both_kinds_are_followed(tmp_path):
    plain, other = tmp_path / "a", tmp_path / "b"
    plain.write_text("1")
    other.write_text("1")
    (tmp_path / "hard").hardlink_to(plain)
    (tmp_path / "soft").symlink_to(plain)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert is_same_file(plain, tmp_path / "hard")
    assert is_same_file(tmp_path / "soft", tmp_path / "hard")
    assert is_same_file(tmp_path / "new", tmp_path / "x" / ".." / "new")
    assert not is_same_file(plain, other)
    assert not is_same_file(plain, tmp_path / "new")
    assert not is_same_file(plain, tmp_path / "loop")
    assert real_path(tmp_path / "loop" / "x").name == "x"
