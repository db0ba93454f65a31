"""One table of sentences: each is given by a judge, read by the re-check, and written nowhere else."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import lowland
from lowland.core.results.reasons import because, kinds_of, read_sentence, sentence
from lowland.core.results.sentences import ASSUMPTIONS, EARLIER, SENTENCES

SOURCE = Path(lowland.__file__).parent
TABLE = SOURCE / "core" / "results" / "sentences.py"
SAMPLE = {"whole": 7, "real": 0.25, "lines": [3, 2], "times": [0, 2], "listed": [0, 2], "word": "row"}
# literal text that is long enough to be of no other sentence; the re-check says in its words what it finds
LONG, LONG_IN_RECHECK = 20, 33


def sampled(code):
    """Return a phrase with some numbers."""
    return because(code, **{name: SAMPLE[kind] for name, kind in kinds_of(code).items()})


def literals(path):
    """Return the texts in a module that are no docstrings."""
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    constants = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docs)
    return [node.value for node in constants if isinstance(node.value, str)]


@pytest.fixture(scope="module")
def texts():
    """The texts of all modules but the table itself."""
    return {path: literals(path) for path in SOURCE.rglob("*.py") if path != TABLE}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_read_as_the_phrase_that_wrote_it(code):
    text = sentence(sampled(code))
    assert [phrase.code for phrase in read_sentence(text)] == [code]
    assert sentence(read_sentence(text)) == text


def test_earlier_sentences_are_read_as_those_of_today():
    for code, text in EARLIER.items():
        assert [phrase.code for phrase in read_sentence(text)] == [code]
        assert text not in SENTENCES.values()


@pytest.mark.parametrize("code", [*SENTENCES, *ASSUMPTIONS])
def test_every_code_is_given_by_a_judge_and_read_by_the_recheck(code, texts):
    places = [path for path, found in texts.items() if code in found]
    assert {path.is_relative_to(SOURCE / "recheck") for path in places} == {False, True}


def test_no_sentence_is_written_twice(texts):
    parts = {
        literal.strip(" ,;:")
        for template in (*SENTENCES.values(), *ASSUMPTIONS.values(), *EARLIER.values())
        for literal, *_ in Formatter().parse(template)
        if len(literal.strip(" ,;:")) >= LONG
    }
    found = {
        (str(path.relative_to(SOURCE)), part)
        for path, listed in texts.items()
        for text in listed
        for part in parts
        if part in text and (len(part) >= LONG_IN_RECHECK or not path.is_relative_to(SOURCE / "recheck"))
    }
    assert not found


def test_every_call_names_the_numbers_of_its_phrase():
    """Also where no test gets to: a name that is missing would raise."""
    asked = {"because": set.__eq__, "says": set.__ge__, "must_say": set.__ge__, "assumption": set.__ge__}
    calls = 0
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        if not any(name in text for name in asked):
            continue  # most files call none of them, and parsing takes long
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name, code = getattr(node.func, "id", getattr(node.func, "attr", "")), node.args[0].value
            given = {keyword.arg for keyword in node.keywords}
            if name in asked and code in SENTENCES and None not in given:
                assert asked[name](given, set(kinds_of(code))), f"{path}: {code}"
                calls += 1
            elif name in asked and code in ASSUMPTIONS and None not in given:
                assert asked[name](given, names_in(ASSUMPTIONS[code])), f"{path}: {code}"
                calls += 1
    assert calls > 2 * len(SENTENCES) * 0.8


def names_in(template):
    return {name for _, name, *_ in Formatter().parse(template) if name}


def test_names_of_codes_are_plain():
    assert all(re.fullmatch("[a-z]+(_[a-z0-9]+)*", code) for code in (*SENTENCES, *ASSUMPTIONS))
    assert len(set(SENTENCES.values())) == len(SENTENCES)
