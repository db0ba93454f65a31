"""Find the encoding of a text file, or ask for it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from itertools import islice

from lowland.core.errors import FileFormatError
from lowland.core.wording import Option, Remedy, Words
from lowland.files.text.western import doubtful_word, is_western, other_encodings

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
# encodings by the letters of languages that a message names, at most
MOST = 3
# what letters of other encodings become in that of Japan, and hardly any text holds
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")


def find_encoding(data: bytes, name: str, *, whole: bool = True) -> str:
    """Return the encoding of a text: UTF-8, UTF-16, UTF-32 or Windows-1252, which contains Latin-1.

    Encodings of one byte per letter cannot be told apart: short words of one are words of another. A text
    with few letters beyond ASCII, of one Western language, is read as Windows-1252, which callers say with a
    word of it; of others the encoding is asked for.

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
        doubt = _doubt(data)
        if doubt is not None:
            raise FileFormatError(
                f"the encoding of {name} cannot be told",
                f"not UTF-8: {error.reason} at byte {error.start}",
                fix=Remedy(
                    *doubt,
                    Words("name the encoding by ", Option("encoding"), " (cp1251, shift_jis, gb18030, ...)"),
                    "check that it is a text file",
                ),
            ) from error
        return "cp1252"
    return "utf-8"


def _doubt(data: bytes) -> list[Words] | None:
    """Return what a text may be written in, if it is doubtful that it is Windows-1252; else None."""
    head = data[:GUESSED]
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return _candidates(head, {})
    letters = sum(not letter.isascii() and letter.isalpha() for letter in text)
    wrong = doubtful_word(text)
    if wrong or letters > WESTERN * len(data) or (not is_western(text) and other_encodings(data)):
        return _candidates(head, {"cp1252": text})
    return None


def _candidates(head: bytes, also: Mapping[str, str]) -> list[Words]:
    """Return the encodings that a text may be written in, each with a word by which a person sees it."""
    guess, letters = _guess(head), dict(islice(other_encodings(head).items(), MOST))
    # signs of more than one byte are no chance
    texts = (
        {**guess, **letters, **also} if guess.keys() & set(_SIGNS.split()) else {**letters, **guess, **also}
    )
    shown = {encoding: first_word(text) for encoding, text in texts.items()}
    return [
        Words(f"if {word!r} is a word of it, it looks like {encoding}: ", Option("encoding", encoding))
        for encoding, word in shown.items()
        if word
    ]


def first_word(text: str) -> str:
    """Return the first cell of a text that goes beyond ASCII, by which a person sees how it is read."""
    cells = (cell.strip(" \"'") for cell in re.split(r"[,;|\t\r\n]", text))
    return next((cell[:40] for cell in cells if not cell.isascii()), "")


def _guess(head: bytes) -> dict[str, str]:
    """Return what the encoding of a text looks like, and the text in it; it is a poor one of short texts."""
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return {}
    for found in from_bytes(head, cp_isolation=list(OTHERS)):
        text = head.decode(found.encoding, "replace")
        if not _HALF_WIDTH.search(text):
            return {found.encoding: text}
    return {}


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
