"""Find the encoding of a text file, or ask for it."""

from __future__ import annotations

import codecs
import re

from lowland.core.errors import FileFormatError
from lowland.core.wording import Option, Remedy, Words

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# share of bytes beyond ASCII up to which a text is taken for Western European
WESTERN = 0.12
# encodings that are guessed for messages, and from how many bytes
_LETTERS = "cp1251 koi8_r cp866 cp1250 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874"
_SIGNS = "cp932 shift_jis euc_jp gb18030 big5 euc_kr cp949"
OTHERS = (*_LETTERS.split(), *_SIGNS.split())
GUESSED = 1 << 15


def find_encoding(data: bytes, name: str, *, whole: bool = True) -> str:
    """Return the encoding of a text: UTF-8, UTF-16, UTF-32 or Windows-1252, which contains Latin-1.

    Encodings of one byte per letter cannot be told apart: short words of one are words of another. A text
    with few letters beyond ASCII is read as Windows-1252, which callers say; of others the encoding is asked
    for.

    Parameters
    ----------
    data : bytes
    name : str
        Name in messages.
    whole : bool
        Whether these are all bytes of the text; otherwise the last letter may be cut.

    Raises
    ------
    FileFormatError
        If it is not text, or its encoding cannot be told.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    zeros = data.count(0)
    if zeros:
        return _two_bytes(data, zeros, name)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, whole)
    except UnicodeDecodeError as error:
        beyond = sum(byte >= 0x80 for byte in data) / len(data)
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            beyond = 1.0
        if beyond > WESTERN:
            raise FileFormatError(
                f"the encoding of {name} cannot be told",
                f"not UTF-8: {error.reason} at byte {error.start}",
                fix=Remedy(
                    *_guess(data),
                    Words("name the encoding by ", Option("encoding"), " (cp1251, shift_jis, gb18030, ...)"),
                    "check that it is a text file",
                ),
            ) from error
        return "cp1252"
    return "utf-8"


def _guess(data: bytes) -> list[Words]:
    """Return what the encoding of a text looks like, with a word beyond ASCII for a person to judge by.

    It is a guess for messages alone: short words of one encoding are words of another.
    """
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return []
    best = from_bytes(data[:GUESSED], cp_isolation=list(OTHERS)).best()
    if best is None:
        return []
    text = data[:GUESSED].decode(best.encoding, "replace")
    word = next(cell for cell in re.split(r"[,;|\t\r\n]", text) if not cell.isascii())
    return [
        Words(
            f"if {word!r} is a word of it, it looks like {best.encoding}: ", Option("encoding", best.encoding)
        )
    ]


def _two_bytes(data: bytes, zeros: int, name: str) -> str:
    """Return the order of bytes in UTF-16 without a mark: zeros of Latin letters have one parity."""
    even = data[::2].count(0)
    for share, encoding in ((zeros - even, "utf-16-le"), (even, "utf-16-be")):
        if share == zeros and share > 0.3 * (len(data) / 2):
            return encoding
    raise FileFormatError(
        f"{name} is not a text file", f"{zeros} zero bytes among the first {len(data)}", fix="check the file"
    )


def decode(data: bytes, encoding: str, name: str, *, whole: bool = True) -> str:
    """Return bytes as text; without a letter that is cut at the end, if these are not all bytes.

    Raises
    ------
    FileFormatError
        If the encoding is unknown or does not fit.
    """
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, whole).removeprefix("\ufeff")
    except LookupError as error:
        raise FileFormatError(
            f"the encoding of {name} is unknown",
            repr(encoding),
            fix=Words("use a name such as ", Option("encoding", "utf-8", "cp1252")),
        ) from error
    except UnicodeError as error:
        raise FileFormatError(
            f"{name} is not written in {encoding}",
            str(error),
            fix=Words("name its encoding by ", Option("encoding")),
        ) from error
