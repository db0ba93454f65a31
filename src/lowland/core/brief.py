"""How objects are shown in few lines: numbers and names in full, arrays by shape, functions by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import partial
from os import PathLike, fspath
from reprlib import recursive_repr
from typing import Any, TypeVar

WIDTH, MOST_LINES = 100, 5
# what is longer within another object is counted or named instead, in a collection sooner; of vectors so
# many numbers are listed
LONGEST, SHORT, FEW = 60, 20, 4
# numbers of more digits are rounded to six
SHORT_NUMBER = 8

T = TypeVar("T")


def briefly(kind: type[T]) -> type[T]:
    """Give a class whose `repr` is that of dataclasses, or that of all objects, the one of `brief`.

    A `repr` that a class wrote is left alone; a dataclass that writes or inherits one says ``repr=False``.
    """
    made = getattr(vars(kind).get("__dataclass_params__"), "repr", False)
    if made or kind.__repr__ is object.__repr__:
        shown: Any = recursive_repr(f"{kind.__name__}(...)")(brief)
        kind.__repr__ = shown  # type: ignore[method-assign]
    return kind


def brief(thing: object) -> str:
    """Return an object in at most five lines, as the call that makes it, without what is as by default."""
    return in_lines(type(thing).__name__, _parts(thing))


def in_lines(name: str, parts: Iterable[tuple[str, object]]) -> str:
    """Return a name with keywords in brackets, in at most five lines of at most a hundred characters."""
    words = [f"{key}={said(value, WIDTH - len(key) - 12)}" for key, value in parts]
    whole = f"{name}({', '.join(words)})"
    if len(whole) <= WIDTH:
        return whole
    lines, ends = [f"{name}("], [*[", "] * (len(words) - 1), ")"]
    for word, end in zip(words, ends, strict=True):
        if len(lines[-1] + word + end) <= WIDTH:
            lines[-1] += word + end
        elif len(lines) < MOST_LINES:
            lines.append(f"    {word}{end}")
        else:
            rest = lines[-1] if len(lines[-1]) <= WIDTH - 4 else f"{lines[-1][:-2].rpartition(', ')[0]}, "
            lines[-1] = f"{rest}...)"
            break
    return "\n".join(line.rstrip() for line in lines)


def said(value: object, longest: int = LONGEST) -> str:
    """Return a value in one line of at most `longest` characters."""
    text = _said(value, longest)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _parts(thing: object) -> Iterator[tuple[str, object]]:
    """Yield the names and values of what an object is made of, where they are not as by default.

    They are the fields of a dataclass; of another class the parameters that its instances keep, its shape
    and its size.
    """
    if is_dataclass(thing):
        named = [(each.name, each.name, each.default) for each in fields(thing) if each.repr]
    else:
        signature = inspect.signature(type(thing)).parameters
        kept = getattr(thing, "__dict__", {})
        named = [(k, k if k in kept else f"_{k}", each.default) for k, each in signature.items()]
        named += [(k, k, None) for k in ("shape", "size") if k not in signature]
    for name, key, default in named:
        value = getattr(thing, key, MISSING)
        if value is not MISSING and not _is_default(value, default):
            yield name, value


def _is_default(value: object, default: object) -> bool:
    if isinstance(value, tuple | list | dict) and not value:
        return default is MISSING or default == value
    return value is default or (isinstance(value, str | int | float) and value == default)


def _said(value: object, longest: int) -> str:
    import numpy as np  # which what is known of the command line does not need

    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, Enum | np.dtype):
        return value.name
    if isinstance(value, str | PathLike | int | float | complex):
        return _scalar(value, longest)
    if _is_ours(value):
        return _whole_or_named(value, longest)
    shape, name = getattr(value, "shape", None), _name(value)
    if isinstance(shape, tuple):
        return _array(value, shape)
    if name is not None:
        return name
    if isinstance(value, Mapping | Sequence | Set):
        return _collection(value, longest)
    return _whole_or_named(value, longest)


def _scalar(value: Any, longest: int) -> str:
    if isinstance(value, str | PathLike):
        text = fspath(value)
        return repr(text if len(text) <= longest - 2 else f"{text[: longest - 5]}...")
    text = repr(value)
    return text if isinstance(value, int) or len(text) <= SHORT_NUMBER else f"{value:.6g}"


def _name(value: Any) -> str | None:
    """Return the name of a function or a class, that of a lambda without its brackets."""
    name = getattr(value.func if isinstance(value, partial) else value, "__name__", None)
    return name.strip("<>") if isinstance(name, str) else None


def _is_ours(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == __name__.partition(".")[0]


def _whole_or_named(value: object, longest: int) -> str:
    text = repr(value)
    fits = len(text) <= longest and "\n" not in text and " at 0x" not in text
    return text if fits else f"{type(value).__name__}(...)"


def _array(value: Any, shape: tuple[Any, ...]) -> str:
    """Return the numbers of a short vector; the kind and the shape of any other array, or of a frame."""
    import numpy as np

    if not isinstance(value, np.ndarray):
        kind = type(value).__name__
    elif len(shape) == 1 and 0 < value.size <= FEW and value.dtype.kind in "biufc":
        return f"[{', '.join(said(one) for one in value)}]"
    else:
        kind = "str" if value.dtype.kind in "US" else value.dtype.name
    return f"{kind}[{', '.join(map(str, shape))}]"


def _collection(value: Any, longest: int) -> str:
    """Return what a collection holds, or how much of what if that is too long."""
    left, right = "()" if isinstance(value, tuple) else "[]" if isinstance(value, Sequence) else "{}"
    pairs = isinstance(value, Mapping)
    for short in (longest, SHORT) if len(value) <= longest // 3 else ():
        held = [f"{said(k)}: {said(value[k], short)}" if pairs else said(k, short) for k in value]
        comma = "," if right == ")" and len(held) == 1 else ""
        text = f"{left}{', '.join(held)}{comma}{right}"
        if len(text) <= longest:
            return text
    kinds = {type(one).__name__ for one in (value.values() if pairs else value)}
    what = f"x {kinds.pop()}" if len(kinds) == 1 else "items"
    return f"{left}{len(value)} {what}{right}"
