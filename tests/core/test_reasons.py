"""Reasons of findings: written as sentences, read from sentences and from JSON."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.findings import Certificate, Finding, undecided
from lowland.core.results.reasons import Phrase, assumption, because, read_sentence, say_lines, sentence

NEAR = because("isolated", radius=0.25) + because("of_the_norm", share=0.5) + because("tangent_space")


def test_phrases_join_to_sentences():
    assert sentence(NEAR) == (
        "no other such matrix within 0.25, 50.00% of the Frobenius norm of this one; smallest singular value "
        "on the tangent space by shifted Cholesky, rounding included"
    )
    assert sentence(because("gap") + because("zeros") + because("shifted_dual")).endswith(
        "objective: a matrix of zeros; shifted along A* nu0 >= I"
    )
    assert sentence(because("unused_columns") + because("no_escape")).endswith(
        "Hessian: none found, and the curvature is not positive"
    )
    assert sentence(()) == ""
    assert [say_lines(3, 2), say_lines(0, 1), say_lines(4, 0)] == [
        "3 rows and 2 columns",
        "1 column",
        "4 rows",
    ]
    assert assumption("counts_as_zero", places=64.0, share=1e-12).startswith("residuals of up to 64 units")


def test_phrases_have_exactly_their_numbers():
    for numbers in ({}, {"size": 1}, {"size": 1, "freedom": 2, "rank": 3}):
        with pytest.raises(TypeError, match="size, freedom"):
            because("few_cells", **numbers)
    with pytest.raises(TypeError, match="none"):
        because("every_cell", size=1)


def test_numbers_are_those_of_python():
    phrase = because("reach", share=np.float64(0.5), lines=(np.int64(2), 0))[0]
    assert phrase == Phrase("reach", {"share": 0.5, "lines": [2, 0]})
    assert type(phrase.numbers["share"]) is float
    assert pickle.loads(pickle.dumps(phrase)) == phrase


def test_sentences_are_read_with_numbers_as_written():
    read = read_sentence(sentence(NEAR))
    assert [phrase.code for phrase in read] == ["isolated", "of_the_norm", "tangent_space"]
    assert read[0].numbers == {"radius": "0.25"}
    assert read[1].numbers == {"share": "50.00%"}
    flat = read_sentence(sentence(because("flattening", modes=[0, 2])))
    assert flat[0].numbers == {"modes": [0, 2]}
    for text in ("", "by exact arithmetic", "every cell is observed, by exact arithmetic", "x; " * 1000):
        assert read_sentence(text) == ()
    # as it was once written
    lines = because("short_lines", lines=[1, 11])
    assert sentence(lines).startswith("1 row and 11 columns ")
    assert (
        read_sentence(sentence(lines)) == read_sentence(sentence(lines).replace("1 row ", "1 rows ")) == lines
    )
    # digits are those of the table
    for modes in ("00 x 2", "\u0660 x 2"):
        assert read_sentence(sentence(because("flattening", modes=[0, 2])).replace("0 x 2", modes)) == ()
    # and punctuation is that of the table
    for text in (
        f"{sentence(NEAR)}; ",
        sentence(NEAR).replace("; ", ", "),
        sentence(NEAR).replace(", 50", "; 50"),
    ):
        assert read_sentence(text) == ()


def test_findings_say_their_reasons():
    finding = undecided("locally_unique", because("jacobian_cost"), "work")
    assert finding.method == "the Jacobian at the point exceeds the budget"
    other = replace(finding, method="", reason=because("values_cost"), limited_by="")
    assert (other.method, other.limited_by) == (sentence(because("values_cost")), "")
    assert replace(finding, limited_by="") == replace(other, method=finding.method, reason=finding.reason)
    with pytest.raises(InvalidInputError, match="not that of its reason"):
        replace(finding, method="by exact arithmetic")
    with pytest.raises(InvalidInputError, match="not that of its reason"):
        replace(finding, reason=other.reason)
    assert Finding("stationary", ll.Verdict.INCONCLUSIVE, method="none").reason == ()


def proof(**changes):
    """Return JSON text of a certificate of one finding, with changes of its reason."""
    reason = because("few_cells", size=3, freedom=5) + because("reach", share=0.5, lines=[2, 1])
    finding = Finding("determined_by_data", ll.Verdict.REFUTED, reason=reason, rigour=ll.Rigour.RIGOROUS)
    plain = json.loads(Certificate((finding,)).to_json())
    plain["findings"][0]["reason"][0].update(changes)
    return finding, json.dumps(plain)


def test_reasons_are_kept_in_json():
    finding, text = proof()
    (again,) = Certificate.from_json(text)
    assert (again.reason, again.method) == (finding.reason, finding.method)
    plain = json.loads(text)
    # as earlier versions wrote it
    plain["findings"][0]["method"] = finding.method.replace("1 column ", "1 columns ")
    assert Certificate.from_json(json.dumps(plain)).findings[0].method == finding.method
    plain = json.loads(text)
    del plain["findings"][0]["reason"]
    (earlier,) = Certificate.from_json(json.dumps(plain))
    assert (earlier.reason, earlier.method) == ((), finding.method)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 4}, "not that of its reason"),
        ({"code": "few_measurements"}, "not that of its reason"),
        ({"code": "unheard"}, "reason cannot be read"),
        ({"code": ["few_cells"]}, "reason cannot be read"),
        ({"code": "every_cell"}, "reason cannot be read"),
        ({"more": 1}, "reason cannot be read"),
        *(({"size": wrong}, "reason cannot be read") for wrong in ("3", 3.0, -1, True, None, [3], 1 << 60)),
    ],
)
def test_reasons_are_read_strictly(changes, words):
    with pytest.raises(FileFormatError, match=words):
        Certificate.from_json(proof(**changes)[1])


@pytest.mark.parametrize("wrong", ["few_cells", {"code": "few_cells"}, [[]], [3], [None], None])
def test_what_is_no_reason(wrong):
    plain = json.loads(proof()[1])
    plain["findings"][0]["reason"] = wrong
    with pytest.raises(FileFormatError, match="reason cannot be read"):
        Certificate.from_json(json.dumps(plain))


@pytest.mark.parametrize("wrong", [None, "0.5", [0.5], {}])
def test_numbers_and_lines_of_reasons(wrong):
    plain = json.loads(proof()[1])
    for name in ("share", "lines"):
        changed = json.loads(json.dumps(plain))
        changed["findings"][0]["reason"][1][name] = wrong
        with pytest.raises(FileFormatError, match="reason cannot be read"):
            Certificate.from_json(json.dumps(changed))
