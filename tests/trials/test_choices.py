"""Every choice is in one table, which the documentation shows and the code uses."""

import re
from collections import Counter
from pathlib import Path

import pytest

import lowland as ll
from lowland.completion.bayesian import pattern_choice
from lowland.completion.encoded import power_choice
from lowland.completion.refinement import smoothing_learning
from lowland.completion.tables import conformal
from lowland.trials import choices
from lowland.trials.choices import Choice
from lowland.trials.gains import Gain, Rule

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "how-choices-are-made.md"
CHOICES = {name: value for name, value in vars(choices).items() if isinstance(value, Choice)}


# the comment above each choice
WORDS = re.compile(r"#: (.+)\n#: hides: (.+)\n#: compares: (.+)\n#: why: (.+)\n([A-Z_]+) = ")
WORDS_OF = {match[4]: match[:4] for match in WORDS.findall(Path(choices.__file__).read_text())}


def hidden(hides):
    """Return how much is hidden, in words."""
    most = "" if hides.most is None else f", at most {hides.most:,}"
    return f"{hides.share:.0%}{most}" + ("" if hides.times == 1 else f", {hides.times} times")


def bounds(rule):
    """Return what a gain must exceed, in words."""
    words = (
        (rule.share, "% of the error"),
        (rule.standard_errors, " standard errors"),
        (rule.difference, ""),
    )
    parts = [f"> {(100 if '%' in unit else 1) * least:g}{unit}" for least, unit in words if least is not None]
    return " and ".join([*parts, *([] if rule.errors is None else [f"in errors {bounds(rule.errors)}"])])


def row(name):
    """Return a choice as the page shows it."""
    choice, (what, cells, compares, why) = CHOICES[name], WORDS_OF[name]
    sure = "; or ".join(bounds(rule) for rule in choice.rules) or "-"
    if choice.first != Rule():
        sure += f"; at a first look {bounds(choice.first)}"
    if choice.enough is not None:
        sure += f"; no more trials from {bounds(choice.enough)}"
    return f"| {what} | {cells}: {hidden(choice.hides)} | {compares} | {sure} | {why} |"


def test_the_page_shows_the_table():
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    expected = [row(name) for name in CHOICES]
    assert shown == expected, "\n" + "\n".join(expected)


def test_every_choice_is_made_somewhere():
    modules = (ROOT / "src" / "lowland").rglob("*.py")
    code = "\n".join(path.read_text() for path in modules if path.name != "choices.py")
    # imported, and used
    words = Counter(re.findall(r"\w+", code))
    assert [name for name in CHOICES if words[name] < 2] == []


def test_numbers_in_words_are_those_of_the_code():
    """What a choice asks besides its rules: when there are enough trials or cells, and what goes along."""
    for choice in ("POWERS", "ROW_UNITS"):
        assert f"from {power_choice.MANY:,} cells on" in WORDS_OF[choice][1]
    assert f"fewer than {power_choice.FEW}" in WORDS_OF["CLEARLY_SKEWED"][1]
    assert f"until {conformal.ENOUGH} cells" in WORDS_OF["GAP_INTERVALS"][2]
    assert f"{smoothing_learning.SINGLES:.0%} one by one" in WORDS_OF["CURVES"][1]
    assert ("thrice" in WORDS_OF["CURVES"][2]) is (smoothing_learning.BEYOND == 3)
    assert f"of {pattern_choice.RANK} factors" in WORDS_OF["PATTERN"][2]
    for estimator in (ll.StableSplineRegressor(), ll.AdditiveSplineRegressor()):
        assert estimator.cv == choices.KNOTS.hides.times == 1 / choices.KNOTS.hides.share


def test_no_other_module_says_how_sure_a_gain_is():
    """Standard errors of means over hidden cells, and thresholds by the names that they had in ten files."""
    old = re.compile(r"\.std\(\) / np\.sqrt|^(?:\w+, )*(SURE|CLEARLY|HOLD_OUTS|MOST_HELD_OUT)\b.*=", re.M)
    rooms = [ROOT / "src" / "lowland" / room for room in ("completion", "tensors", "estimators")]
    assert [path for room in rooms for path in room.rglob("*.py") if old.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("gain", "taken"),
    [
        (Gain(4.0, 1.0, 0.05), True),
        (Gain(2.5, 1.0, 0.05), False),  # not sure
        (Gain(4.0, 1.0, 0.02), False),  # too little
        (Gain(2.5, 1.0, 0.2), True),  # so much that less sureness is enough
        (Gain(float("nan"), 1.0, 0.2), False),
    ],
)
def test_one_rule_is_enough(gain, taken):
    assert choices.ORDERS.takes(gain) is taken
