"""Alterations of documents, each of which makes one finding say more than the data show, or breaks it."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np

from lowland.core.results.claims import CLAIMS
from lowland.core.results.finding_json import plain_reason
from lowland.core.results.reasons import Phrase, kinds_of, read_sentence, sentence
from lowland.core.results.sentences import SENTENCES

VERDICTS = ("refuted", "inconclusive", "supported", "proved")
RIGOURS = ("estimate", "working_precision", "probabilistic", "rigorous")
# numbers that say less when they grow (+1) or shrink (-1): such a change may pass
WEAKER = {
    "failure_probability": +1,
    "radius": -1,
    "relative_radius": -1,
    "least_loss": -1,
}
OTHER_WORDS = (
    "by exact arithmetic",
    "norm of the gradient, relative to its norm for the unfitted residuals",
    "every cell is observed",
    "full rank of the Jacobian modulo a prime",
    "gap to a lower bound, as a fraction of the objective: losses and penalties are never negative",
)
RUBBISH = (float("inf"), "nan", "many", True, [1, [2]], {"real": [1]}, [[]], {}, 10**400, -1, "inf", None)
# a gradient of the samples that is rounding alone: whoever computes it again finds another
ROUNDING = 1e-13


def verdict_raised(plain, finding, rng):
    """Return another verdict that claims something."""
    weaker = {finding["verdict"], *(("supported",) if finding["verdict"] == "proved" else ())}
    others = [v for v in ("refuted", "supported", "proved") if v not in weaker]
    finding["verdict"] = str(rng.choice(others))
    if finding["claim"] == "stationary" and finding["witness"].get("scale", 1.0) < ROUNDING:
        return None
    return f"verdict {finding['verdict']}"


def rigour_raised(plain, finding, rng):
    level = RIGOURS.index(finding["rigour"])
    if level == len(RIGOURS) - 1 or finding["verdict"] == "inconclusive":
        return None
    finding["rigour"] = str(rng.choice(RIGOURS[level + 1 :]))
    # which refuted a lower point may be both rigorous and not: the finding says the weaker
    return None if "another feasible point" in finding["method"] else f"rigour {finding['rigour']}"


def assumptions_changed(plain, finding, rng):
    given = finding["assumptions"]
    if given:
        finding["assumptions"] = [] if rng.random() < 0.5 else [*given, "the moon is full"]
    else:
        finding["assumptions"] = ["the matrix is the one that was meant"]
    return f"assumptions {finding['assumptions']}"


def words_changed(plain, finding, rng):
    """Return other words: with no code, with their own, or with that of those before."""
    known = [other["method"] for other in plain["findings"]] + list(OTHER_WORDS)
    if rng.random() < 0.3:
        known = [finding["method"] + "; by exact arithmetic"]
    others = [words for words in known if words != finding["method"]]
    finding["method"] = str(rng.choice(others))
    kind = int(rng.integers(3))
    if kind < 2:
        finding["reason"] = said_by(finding["method"], plain) if kind else []
    return None if kind < 2 and _both_open(finding) else f"words {finding['method']!r}"


def with_codes(finding):
    """Return a finding with the codes of its sentence, which stays as it is where the table has it."""
    read = [
        Phrase(one.code, {name: _as_number(value) for name, value in one.numbers.items()})
        for one in read_sentence(finding.method)
    ]
    return replace(finding, reason=tuple(read)) if read and sentence(read) == finding.method else finding


def said_by(words, plain):
    """Return the reason of some words, as JSON data."""
    known = {other["method"]: other["reason"] for other in plain["findings"] if other["reason"]}
    read = [
        {name: _as_number(value) for name, value in one.items()} for one in plain_reason(read_sentence(words))
    ]
    return deepcopy(known.get(words, read))


def _as_number(value):
    """Return the number that a text writes, or what it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value[:-1]) / 100 if value.endswith("%") else json.loads(value)
    except ValueError:
        return value


def code_changed(plain, finding, rng):
    """Return another code of one phrase, with a sentence that fits it."""
    if not finding["reason"]:
        return None
    phrase = finding["reason"][int(rng.integers(len(finding["reason"])))]
    was = phrase["code"]
    alike = [code for code in SENTENCES if kinds_of(code) == kinds_of(was) and code != was]
    if not alike:
        return None
    phrase["code"] = str(rng.choice(alike))
    _say_again(finding)
    same = finding["verdict"] == "inconclusive" or any({was, phrase["code"]} <= set(some) for some in ALIKE)
    return None if same else f"{was} replaced by {phrase['code']}"


def phrase_lost(plain, finding, rng):
    """Return a sentence that lacks a phrase, or has one twice."""
    if not finding["reason"]:
        return None
    at = int(rng.integers(len(finding["reason"])))
    if rng.random() < 0.5:
        finding["reason"].insert(at, deepcopy(finding["reason"][at]))
    else:
        del finding["reason"][at]
        if rng.random() < 0.5:  # a sentence of nothing, with no code
            finding["method"] = finding["method"][: len(finding["method"]) // 2]
            finding["reason"] = []
            return "half of the words"
    _say_again(finding)
    return None if finding["verdict"] == "inconclusive" else "a phrase lost or repeated"


def phrase_nudged(plain, finding, rng):
    """Return another number in a phrase, with a sentence that fits it, or as it was."""
    names = [(one, name) for one in finding["reason"] for name in one if name != "code"]
    if not names:
        return None
    phrase, name = names[int(rng.integers(len(names)))]
    kind, number = kinds_of(phrase["code"])[name], phrase[name]
    if kind == "word":
        phrase[name] = "nothing"
    elif isinstance(number, list):
        phrase[name] = [*number[:-1], number[-1] + 1]
    else:
        phrase[name] = number + 1 if kind == "whole" else number * float(rng.choice([0.5, 2.0]))
    tell = rng.random() < 0.7
    if tell:
        _say_again(finding)
    free = name in ("steps", "limit", "cells", "upper", "places")
    return (
        None
        if (free and tell) or phrase[name] == number
        else f"{name} {phrase[name]} instead of {number} in {phrase['code']}"
    )


def reason_lost(plain, finding, rng):
    """Return a finding without its code, as earlier versions wrote it: nothing but its words is lost."""
    finding["reason"] = []
    return None


def _say_again(finding):
    phrases = [
        Phrase(one["code"], {n: v for n, v in one.items() if n != "code"}) for one in finding["reason"]
    ]
    finding["method"] = sentence(phrases)


# phrases of which each may be true where another is: how a bound, a curvature or a point was found
ALIKE = (
    ("zeros", "cholesky", "row_and_column_sums", "absolute_row_sums", "sum_of_squares"),
    ("all_curvatures", "factored_curvature", "iterated_curvature", "reduced_curvature", "uneven"),
    ("along_curvature", "truncated", "from_nearby", "from_random"),
    ("all_values", "some_values", "reduced_values"),
    ("repeated_inputs", "on_boundary"),  # the latter is not checked
    ("block", "core"),  # a complete block is a core
)


def _both_open(finding):
    """Whether an open finding got other words that state nothing."""
    return finding["verdict"] == "inconclusive" and "undecided" in finding["method"]


def number_nudged(plain, finding, rng):
    names = [name for name in ("value", "bound", "tolerance") if isinstance(finding[name], float)]
    names += [name for name, number in finding["witness"].items() if isinstance(number, int | float)]
    names = [name for name in names if _number(finding, name) != 0]
    if finding["claim"] == "stationary" and abs(finding["value"] or 0) < ROUNDING:
        names = [name for name in names if name != "value"]
    if not names:
        return None
    name = str(rng.choice(names))
    factor = float(rng.choice([0.5, 0.9, 1.1, 2.0, -1.0, 10.0]))
    number = _number(finding, name)
    grown = np.sign(number * factor - number)
    _put(finding, name, number * factor)
    if WEAKER.get(name) == grown or _is_noise(finding, name, number):
        return None
    if name == "value" and _has_no_unit(plain, finding):
        return None
    return f"{name} times {factor}"


def _has_no_unit(plain, finding):
    """Whether a gradient is stated whose unit, which another finding has, is rounding, as of a state."""
    if all(phrase["code"] != "gradient" for phrase in finding["reason"]):
        return False
    scales = [one["witness"].get("scale", 1.0) for one in plain["findings"] if one["claim"] == "stationary"]
    return any(isinstance(scale, float) and scale < 1e-9 for scale in scales)


def _number(finding, name):
    return finding["witness"][name] if name in finding["witness"] else finding[name]


def _put(finding, name, number):
    if name in finding["witness"]:
        finding["witness"][name] = number
    else:
        finding[name] = number


def _is_noise(finding, name, number):
    """Whether a number is rounding, is a tolerance that may have been chosen so, or states a weak bound."""
    if finding["claim"] == "stationary" and name in ("value", "gradient_norm"):
        return finding["value"] < 1e-9 or finding["witness"]["scale"] < 1e-9
    gap = finding["method"].startswith("gap to")
    exact = "reproduced" in finding["method"] or "half a unit" in finding["method"]
    if exact and name in ("value", "last_places", "misfit", "tolerance"):
        return True
    if name in ("value", "smallest", "mismatch", "misfit") and abs(number) < 1e-6:
        return True
    if name in ("gradient_norm", "remainder", "unrest") and abs(number) < ROUNDING:
        return True
    if name == "best_loss" and number < 1e-12:
        return True
    if name == "tolerance" and finding["bound"] == 0:  # of a Hessian that is zero
        return True
    if name == "tolerance" and "reproduce every datum" in finding["method"]:
        return True
    return gap and name in ("gap", "fitted_distance") and abs(finding["value"]) < 1e-5


def witness_halved(plain, finding, rng):
    if not finding["witness"]:
        return None
    name = str(rng.choice(sorted(finding["witness"])))
    value = finding["witness"][name]
    if isinstance(value, list) and len(value) > 1 and rng.random() < 0.5:
        finding["witness"][name] = value[: len(value) // 2]
        return f"half of {name}"
    radius = finding["claim"] == "locally_unique" and finding["verdict"] == "proved"
    if name not in NEEDED or (name in ("smallest", "norm") and not radius):
        return None
    del finding["witness"][name]
    return f"no {name}"


NEEDED = (
    "left",
    "right",
    "length",
    "direction",
    "lower_point",
    "other_left",
    "other_right",
    "radius",
    "smallest",
)
NEEDED += ("norm", "singular_value", "core_rows", "core_columns", "dual", "dual_scale")


def witness_nudged(plain, finding, rng):
    arrays = [name for name, value in finding["witness"].items() if isinstance(value, list) and len(value)]
    if not arrays:
        return None
    name = str(rng.choice(arrays))
    array = np.array(finding["witness"][name], float)
    if array.size == 0 or name in ("dual", "core_rows", "core_columns"):
        return None
    at = tuple(int(rng.integers(length)) for length in array.shape)
    if name == "lower_point":  # a factor beside tiny ones may change no digit of the objective
        at = np.unravel_index(np.abs(array).argmax(), array.shape)
    array[at] += float(rng.choice([-1.0, 1.0, 100.0])) * max(1.0, abs(array[at]))
    finding["witness"][name] = array.tolist()
    if name == "weights" and finding["verdict"] == "supported":  # other weights may fit as well
        return None
    # another better point, direction or descent may be as good
    return (
        None
        if name in ("lower_point", "left", "right") and "length" in finding["witness"]
        else f"nudged {name}"
    )


def witness_swapped(plain, finding, rng):
    other = plain["findings"][int(rng.integers(len(plain["findings"])))]
    if other["witness"].keys() == finding["witness"].keys() or other["witness"] == finding["witness"]:
        return None
    finding["witness"] = deepcopy(other["witness"])
    related = {finding["claim"], other["claim"]} in [set(pair) for pair in RELATED]
    return None if related or not other["witness"] else f"witness of {other['claim']}"


def witness_added(plain, finding, rng):
    finding["witness"]["margin"] = 1.0
    return "a number that nothing derives"


def rubbish(plain, finding, rng):
    """Return something of the wrong type; whatever it is, it is no traceback."""
    names = [
        "value",
        "bound",
        "tolerance",
        "method",
        "verdict",
        "rigour",
        "assumptions",
        "witness",
        "reason",
        "claim",
    ]
    name = str(rng.choice(names + sorted(finding["witness"])))
    if name in finding["witness"]:
        value = RUBBISH[int(rng.integers(len(RUBBISH)))]
        good = value is None or finding["verdict"] == "inconclusive"
        finding["witness"][name] = value
        return None if good else f"{name} = {value!r}"
    finding[name] = RUBBISH[int(rng.integers(len(RUBBISH)))]
    less = finding[name] is None or finding[name] == {}  # no numbers say less, unless they are needed
    return None if less else f"{name} = {finding[name]!r}"


def claim_renamed(plain, finding, rng):
    others = [claim for claim in CLAIMS if claim != finding["claim"]]
    related = [set(pair) for pair in RELATED]
    claim = str(rng.choice([*others, "solved"]))
    was, finding["claim"] = finding["claim"], claim
    plain["findings"] = [one for one in plain["findings"] if one is finding or one["claim"] != claim]
    return (
        None
        if {was, claim} in related or finding["verdict"] == "inconclusive"
        else f"{was} renamed to {claim}"
    )


# claims of which the same words may hold
RELATED = (
    ("second_order_stationary", "strict_local_minimum"),
    ("globally_optimal", "convex_optimal"),
    ("determined_by_data", "uniquely_determined"),
)


def key_changed(plain, finding, rng):
    where = plain if rng.random() < 0.5 else finding
    if rng.random() < 0.5:
        where["note"] = "checked by an expert"
    else:
        del where[str(rng.choice([key for key in where if key not in ("findings", "claim")]))]
    return "keys"


def point_moved(plain, finding, rng):
    """Return another point: what is about the point no longer holds."""
    names = [name for name, value in plain["point"].items() if np.size(_array(value)) and name != "offset"]
    name = str(rng.choice(names))
    array = _array(plain["point"][name])
    moved = array * 1.5 if np.abs(array).max() > 1e-3 else array + 1.0  # half of almost nothing is nothing
    plain["point"][name] = (
        {"real": moved.real.tolist(), "imag": moved.imag.tolist()}
        if np.iscomplexobj(moved)
        else moved.tolist()
    )
    about_point = (
        finding["claim"] in ("globally_optimal", "convex_optimal") and finding["verdict"] == "proved"
    )
    return f"{name} times 1.5" if about_point and not plain["problem"].get("unit_trace") else None


def _array(value):
    if isinstance(value, dict):
        return np.array(value["real"]) + 1j * np.array(value["imag"])
    return np.array(value, float)


def setting_changed(plain, finding, rng):
    """Return another setting, or rubbish for one; the claims may be true of the other problem."""
    if rng.random() < 0.5:
        problem_varied(plain["problem"], rng)
    else:
        name = str(rng.choice(sorted(plain["problem"])))
        plain["problem"][name] = RUBBISH[int(rng.integers(len(RUBBISH)))]
    return None


# words that settings may have, by family
WORD_FAMILIES = (
    ("uniform", "counts"),
    ("float64", "float32"),
    ("general", "psd"),
    ("squared", "poisson", "binomial", "log-Poisson", "clipped", "ordinal", "huber", "absolute"),
    ("first", "all"),
)
# what lists of words may hold
LISTED = {"biases": ("row", "column", "global"), "nonnegative": ("mode 0", "mode 1", "mode 2")}
FACTORS = (1e20, 1e-20, -1.0, 0.0, 1.5, 0.5, 1.001, 1e3)


def problem_varied(problem, rng):
    """Change one setting of a problem, perhaps within others, to another of its kind; return its path."""
    where, path = problem, []
    while True:
        keys = sorted(where) if isinstance(where, dict) else range(len(where))
        key = list(keys)[int(rng.integers(len(keys)))]
        path.append(key)
        inside = where[key]
        deeper = (isinstance(inside, dict) and inside) or (
            isinstance(inside, list) and any(isinstance(one, dict) for one in inside) and rng.random() < 0.8
        )
        if not deeper:
            break
        where = inside
    where[key] = _varied(path[-1] if isinstance(key, str) else path[-2], where[key], rng)
    return path


def _varied(name, value, rng):
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return type(value)(_number_varied(value, rng)) if abs(value) < 1e290 else 0.0
    if isinstance(value, str):
        family = next(some for some in WORD_FAMILIES if value in some)
        return str(rng.choice([word for word in family if word != value]))
    if value is None:
        return _units_made_up(name, rng)
    if name in LISTED:
        return [word for word in LISTED[name] if (word in value) != (rng.random() < 0.5)]
    return _list_varied(value, rng)


def _number_varied(value, rng):
    return value * float(rng.choice(FACTORS)) + (float(rng.choice(FACTORS)) if rng.random() < 0.3 else 0.0)


def _list_varied(values, rng):
    """Return a list with one number changed, all of them, or in another order, or of another length."""
    out, kind = list(values), int(rng.integers(6))
    if not out or kind == 5 or not all(isinstance(one, int | float) for one in out):
        return out[:-1] if out and rng.random() < 0.5 else [*out, *(out[:1] or [1.0])]
    if kind == 0:
        return [out[k] for k in rng.permutation(len(out))]
    if kind == 1:
        factor = float(rng.choice(FACTORS))
        return [one * factor for one in out]
    if kind == 2:
        shift = float(rng.choice(FACTORS)) * max(map(abs, out), default=1.0)
        return [one + shift for one in out]
    if kind == 3:
        return [float(np.mean(out)) + 1e-9 * k for k in range(len(out))]  # all but merged
    at = int(rng.integers(len(out)))
    out[at] = _number_varied(out[at], rng)
    return out


def _units_made_up(name, rng):
    """Return units where there were none."""
    size = float(rng.choice([1.0, 1e3, 1e20]))
    if name == "powers":
        one = {"exponent": 0.0, "lowest": 0.0, "whole": 0.0, "rest_shift": 0.0, "least_rest": 0.0}
        return [{**one, "column": k, "shift": size} for k in range(int(rng.integers(1, 9)))]
    return {"centres": [size] * 9, "spreads": [size] * 9}


FORGERIES = (
    verdict_raised,
    rigour_raised,
    assumptions_changed,
    words_changed,
    code_changed,
    phrase_lost,
    phrase_nudged,
    reason_lost,
    number_nudged,
    witness_halved,
    witness_nudged,
    witness_swapped,
    witness_added,
    rubbish,
    claim_renamed,
    key_changed,
    point_moved,
    setting_changed,
)


def forge(text, rng, kind=None):
    """Return an altered document as text, the claim altered, and what was done, None if it may be true."""
    plain = json.loads(text)
    finding = plain["findings"][int(rng.integers(len(plain["findings"])))]
    change = FORGERIES[int(rng.integers(len(FORGERIES)))] if kind is None else kind
    done = change(plain, finding, rng)
    # what the altered finding refers to stays, the rest need not be checked again
    kept = (finding["claim"], "stationary", "determined_by_data")
    if "findings" in plain:
        plain["findings"] = [one for one in plain["findings"] if one.get("claim") in kept]
    return json.dumps(plain), finding.get("claim"), done
