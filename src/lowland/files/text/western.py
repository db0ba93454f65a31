"""Whether text is Windows-1252: other encodings make signs within words, or letters of no language, of it."""

from __future__ import annotations

import re

# share of words beyond ASCII, none in a Western language, from which another encoding is supposed
MISREAD = 0.2
# signs that stand before words, behind them, and by themselves or beside numbers alone
_BEFORE, _BEHIND = "¿¡“‘‚„«‹£€¥§½¼¾µ", "”»›™®©²³¹†‡"
_APART = "ƒˆ‰˜¤¦¬¨¯´¸±×÷¶\x81\x8d\x8f\x90\x9d"
_WORD = re.compile(r"[^\s,;|\"'()/<>=:.!?*+&-]+")
_LOWER_TO_UPPER = re.compile(r"[a-zß-öø-ÿœšž][À-ÖØ-ÞŒŠŽŸ]")
_SHOUTED = re.compile(r"[A-ZÀ-ÖØ-ÞŒŠŽŸ]{2}[ß-öø-ÿœž]")
_FOREIGN_RUN = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸ]{3}")
_LETTER = r"[^\W\d_¹²³]"
_MISPLACED = re.compile(
    rf"{_LETTER}[{_BEFORE}]|[{_BEHIND}]{_LETTER}|{_LETTER}[{_APART}]|[{_APART}]{_LETTER}|[{_APART}{_BEFORE}]{{2}}|"
    r"[°©®][À-ÿ¡-¿]"
)
# letters beyond ASCII of languages that are written in Windows-1252
_WESTERN = """
àâæçéèêëîïôœùûüÿ äöüßé áéíóúüñç áàâãçéêíóôõúü àèéìíîòóù áàâäçéèêëíïîóôöúûü åäöéüàáš åæøéèêóòôâäöüáà
áéíðóúýþæö äõöüšž àáçèéíïòóúü ëçé ñçáéíóúü
"""
# signs that stand among words of any language
_ANYWHERE = "ªºµ°€£§²³±·–—“”„’…«»©®™\u00a0"
_CENTRAL = "ąćęłńóśźż áčďéěíňóřšťúůýž áäčďéíĺľňóôŕšťúýž áéíóöőúüű ăâîșțşţ čćđšž äöüßąćęłńóśźż"
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяё абвгґдеєжзиіїйклмнопрстуфхцчшщьюяыэ"
# and of languages that are written in other encodings of one byte, by these
_OTHERS = {
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": "çğıiöşüâîû",
    "cp1257": "āčēģīķļņšūžō ąčęėįšųūž äõöüšž",
    "cp1251": _CYRILLIC,
    "koi8_r": _CYRILLIC,
    "cp866": _CYRILLIC,
    "cp1253": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "cp1256": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ",
    "cp1255": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
}


def doubtful_word(text: str) -> str:
    """Return a word that shows a text, read as Windows-1252, to be in another encoding; "" if none does.

    Parameters
    ----------
    text : str
        As Windows-1252 has it.
    """
    words: list[str] = sorted({word for word in _WORD.findall(text) if not word.isascii()})
    wrong = [word for word in words if _is_misread(word)]
    if wrong and len(wrong) >= MISREAD * len(words):
        return wrong[0]
    opened = [line for line in text.splitlines() if line.count("“") > line.count("”") + line.count("„")]
    quotes = [line for line in text.splitlines() if "“" in line]
    if 2 * len(opened) > len(quotes):
        return next(cell for cell in opened[0].split() if "“" in cell)
    return ""


def _is_misread(word: str) -> bool:
    """Return whether a word is none of a Western language."""
    return any(
        pattern.search(word) is not None for pattern in (_MISPLACED, _LOWER_TO_UPPER, _SHOUTED, _FOREIGN_RUN)
    )


def is_western(text: str) -> bool:
    """Return whether the letters of a text are those of one language that Windows-1252 is for."""
    letters = {letter for letter in set(text.lower()) if letter.isalpha() and not letter.isascii()}
    return any(letters <= {*language, *_ANYWHERE} for language in _WESTERN.split())


def other_encodings(data: bytes) -> dict[str, str]:
    """Return the encodings of one byte in which words of a text are in one language, and the texts in them.

    Of those that read alike the first is named; what is mostly in small letters comes first.
    """
    found: dict[str, str] = {}
    for encoding, languages in _OTHERS.items():
        text = data.decode(encoding, "replace")
        words = {word for word in _WORD.findall(text.lower()) if not word.isascii()}
        if text not in found.values() and any(_are_in(words, set(one)) for one in languages.split()):
            found[encoding] = text

    def capitals(one: tuple[str, str]) -> int:
        return sum(letter.isupper() and not letter.isascii() for letter in one[1])

    return dict(sorted(found.items(), key=capitals))


def _are_in(words: set[str], letters: set[str]) -> bool:
    """Return whether words, some of them with its letters, may be of a language."""
    latin = any(letter < "\u0370" for letter in letters)
    alone = all(latin or not (letters & set(word) and re.search("[a-z]", word)) for word in words)
    beyond = {letter for word in words for letter in word if not letter.isascii()}
    return alone and beyond <= letters | set(_ANYWHERE) and not letters.isdisjoint(beyond)
