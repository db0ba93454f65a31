"""Ways to damage a file: its bytes, its numbers, the members of an archive, the values of a JSON document."""

import io
import json
import re
import zipfile

import numpy as np

BYTES = b"\x00\xff\x7f\x80\n\r,;\t\"'{}[]():.-+eE0123456789 NaNinf\xef\xbb\xbf\xfe"
NUMBERS = [
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-1",
    "0",
    "1e308",
    "-1e308",
    "1e-320",
    "99999999999999999999",
    "0x10",
    "1_000",
    "-0",
    "+5",
    "1,5",
    "1.2.3",
    "٣",
    "true",
    "null",
    "2147483648",
    "-9223372036854775808",
    "18446744073709551616",
    "1e5",
    "7e22",
    "''",
    "--",
    ".",
]
WILD = (None, True, -1, 0, 1, 2**31, 2**63, 2**70, 1e308, 1e-300, float("nan"), float("inf"))
VALUES = (*WILD, "", "x", "\ud800", "nan", "proved", [], {}, [[]], [None], {"": 0}, [1] * 50)


def damaged(data, rng, others):
    """Return bytes damaged in one to three ways that suit their format."""
    for _ in range(int(rng.integers(1, 4))):
        kinds = [_bytes, _bytes, _slices, _numbers]
        if data[:2] == b"PK":
            kinds = [_bytes, _slices, _members, _members, _members]
        elif data[:1] in b"{[":
            kinds = [_bytes, _numbers, _json, _json, _json]
        elif data[:6] == b"\x93NUMPY":
            kinds = [_bytes, _slices, _array, _array]
        if rng.random() < 0.03:
            data = _spliced(data, rng, others)
        data = kinds[rng.integers(len(kinds))](data, rng)
    return data


def _bytes(data, rng):
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not out:
            break
        at = int(rng.integers(len(out)))
        if rng.random() < 0.5:
            out[at] ^= 1 << int(rng.integers(8))
        else:
            out[at] = BYTES[rng.integers(len(BYTES))]
    return bytes(out)


def _slices(data, rng):
    if not data:
        return bytes(rng.integers(0, 256, 20, dtype=np.uint8))
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    b = min(b, a + int(rng.integers(1, 200)))
    what = rng.integers(5)
    if what == 0:
        return data[:a]
    if what == 1:
        return data[:a] + data[b:]
    if what == 2:
        return data[:b] + data[a:b] * int(rng.integers(1, 30)) + data[b:]
    if what == 3:
        return data[:a] + bytes(rng.integers(0, 256, int(rng.integers(1, 30)), dtype=np.uint8)) + data[a:]
    return data[:a] + data[b:] + data[a:b]


def _numbers(data, rng):
    found = list(re.finditer(rb"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", data))
    if not found:
        return _bytes(data, rng)
    one = found[rng.integers(len(found))]
    new = NUMBERS[rng.integers(len(NUMBERS))].encode()
    return data[: one.start()] + new + data[one.end() :]


def _spliced(data, rng, others):
    other = others[rng.integers(len(others))]
    return data[: rng.integers(len(data) + 1)] + other[rng.integers(len(other) + 1) :]


def _members(data, rng):
    """Damage one member of an archive, whose checksums are then right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
            comment = archive.comment
    except Exception:  # damaged before
        return _bytes(data, rng)
    names = list(members)
    if not names:
        return _bytes(data, rng)
    name = names[rng.integers(len(names))]
    if rng.random() < 0.3 and "header.npy" in members:
        name = "header.npy"
    what = rng.integers(8)
    if what == 0:
        del members[name]
    elif what == 1:
        members[name] = members[names[rng.integers(len(names))]]
    elif name == "header.npy":
        members[name] = _header(members[name], rng)
    elif members[name][:6] == b"\x93NUMPY":
        members[name] = _array(members[name], rng)
    else:
        members[name] = (_bytes, _slices, _numbers)[rng.integers(3)](members[name], rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = comment
        for key, content in members.items():
            archive.writestr(key, content)
    return out.getvalue()


def _header(data, rng):
    """Damage the JSON text that lowland keeps as an array of bytes."""
    try:
        text = bytes(np.load(io.BytesIO(data)))
    except Exception:
        return _bytes(data, rng)
    return _saved(np.frombuffer(_json(text, rng), np.uint8))


def _array(data, rng):
    """Change the numbers, the shape or the kind of an array, or the bytes of its file."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception:
        return _bytes(data, rng)
    what = rng.integers(9)
    if what == 0:
        return _bytes(data, rng)
    if what == 1:
        return _saved(array[..., :-1] if array.ndim and array.shape[-1] else array[None])
    if what == 2:
        return _saved(np.concatenate([array.ravel(), array.ravel()[:1]]))
    if what == 3:
        return _saved(array.reshape(-1))
    if what == 4:
        kind = ["f4", "f8", "i8", "u1", "c16", "U5", "?", "i4", "f2", ">f8", "S3", "M8[s]"][rng.integers(12)]
        with np.errstate(all="ignore"):
            try:
                return _saved(array.astype(kind))
            except (ValueError, TypeError):
                return _saved(np.zeros(array.shape, kind))
    if what == 5:
        return _saved(np.zeros(()) if rng.random() < 0.3 else np.zeros((0, *array.shape[1:]), array.dtype))
    if what == 6:
        return _saved(array[None])
    flat = array.copy().reshape(-1)
    if flat.size and flat.dtype.kind in "iufc":
        wild = [np.nan, np.inf, -np.inf, 1e308, -1, 2**31, 2**62, 0, 1e-320]
        with np.errstate(all="ignore"):
            at = int(rng.integers(flat.size))
            flat[at] = np.array(wild[rng.integers(len(wild))]).astype(flat.dtype)
    return _saved(flat.reshape(array.shape))


def _saved(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _json(data, rng):
    """Replace, drop or double a value of a JSON document."""
    try:
        document = json.loads(data)
    except Exception:
        return _bytes(data, rng)
    places = list(_places(document))
    if not places:
        return _bytes(data, rng)
    holder, key = places[rng.integers(len(places))]
    what = rng.integers(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif what == 2 and isinstance(holder[key], list):
        holder[key] = holder[key][:-1]
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _places(document):
    for key in range(len(document)) if isinstance(document, list) else list(document):
        yield document, key
        if isinstance(document[key], list | dict):
            yield from _places(document[key])
