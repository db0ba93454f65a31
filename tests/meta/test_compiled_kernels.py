"""Kernels compile quickly: what Numba takes seconds for is not written in them."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "lowland"
COMPILERS = {"njit", "compiled", "vectorised"}


def _name(decorator):
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def _compiled(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and {_name(one) for one in node.decorator_list} & COMPILERS:
            yield node


def array_assignments(text):
    """Return the lines of compiled functions that assign an array to a slice."""
    found = []
    for function in _compiled(ast.parse(text)):
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Constant):
                continue
            for target in node.targets:
                if isinstance(target, ast.Subscript) and any(
                    isinstance(part, ast.Slice) for part in ast.walk(target.slice)
                ):
                    found.append(node.lineno)
    return found


def test_no_kernel_assigns_arrays_to_slices():
    """The message of shapes that differ, which Numba compiles with each, takes seconds; loops take none."""
    files = [path for path in SOURCE.rglob("*.py") if "kernels" in path.parts]
    assert sum(len(list(_compiled(ast.parse(path.read_text())))) for path in files) > 50
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in files
        if (lines := array_assignments(path.read_text()))
    }
    assert not found


@pytest.mark.parametrize(
    ("line", "is_found"),
    [("a[:] = b", True), ("a[1:, 0] = b[0]", True), ("a[:] = 0", False), ("a[i] = b", False)],
)
def test_such_assignments_are_seen(line, is_found):
    text = f"@njit(cache=True)\ndef f(a, b, i):\n    {line}\n\ndef plain(a, b):\n    a[:] = b\n"
    assert bool(array_assignments(text)) is is_found
