"""The box at the top of a page, and intervals that are as wide as is proved."""

import warnings

import numpy as np
import pytest

import lowland as ll
from lowland.completion.auditing.box import box_of
from lowland.core.errors import UnsupportedError

pytestmark = pytest.mark.usefixtures("light_fits_throughout")


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    return rng.standard_normal((120, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((120, 8))


@pytest.fixture(scope="module")
def fit(truth):
    holes = np.where(np.random.default_rng(1).random(truth.shape) < 0.3, np.nan, truth)
    return ll.MatrixCompletion(refine=False, powers=False, random_state=0).fit(holes)


def missing(fit):
    seen = fit._completed.table.observations.to_array()
    return np.nonzero(np.isnan(seen))


def test_the_box_says_the_bound_its_premise_and_what_is_worse(fit):
    first, premise, settled, better = box_of(fit.certificate_, fit._completed.model)
    covered = fit.certificate_["covered"]
    assert first.startswith("Proved: at least 9")
    assert f"{covered.witness['missing']} missing cells" in first
    assert premise.startswith("This assumes that cells are missing independently")
    assert "no sign against it" in premise
    found = fit.certificate_["settled"]
    head = "Settled, by the evidence" if found.verdict is ll.Verdict.SUPPORTED else "Not yet settled"
    assert settled.startswith(f"{head}: chance moves")
    assert settled.endswith("this is about the chance of the search alone.")
    assert better.startswith("Better than simple rules? Yes")


def test_a_fit_that_is_not_judged_has_no_box(fit):
    assert box_of(None, fit._completed.model) == ()


def test_proved_intervals_hold_what_is_proved(fit, truth):
    rows, columns = missing(fit)
    low, high = fit.predict_interval(rows, columns, 0.9, method="proved")
    spoken = ~np.isnan(low)
    values = truth[rows, columns]
    assert np.mean(((low <= values) & (values <= high))[spoken]) >= 0.9
    with pytest.raises(UnsupportedError, match="no width of intervals is proved"):
        fit.predict_interval(rows, columns, 0.999, method="proved")


def test_proved_intervals_need_an_audit(fit, tmp_path):
    fit.save(tmp_path / "m.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "m.npz")
    with pytest.raises(UnsupportedError, match="intervals are proved by an audit"):
        loaded.predict_interval([0], [0], method="proved")


def test_errors_on_held_out_cells_are_those_of_the_audit(fit):
    assert fit.held_out_errors() is fit._completed.audit.trial


def test_marked_cells_are_in_the_box():
    rng = np.random.default_rng(2)
    table = rng.standard_normal((60, 1)) + 0.2 * rng.standard_normal((60, 6))
    table[:30, :3] = table[30:, 3:] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        halves = ll.MatrixCompletion(refine=False, powers=False, random_state=0).fit(table)
    told = box_of(halves.certificate_, halves._completed.model)
    assert any(sentence.startswith("180 missing cells are marked") for sentence in told)
    # nothing is proved of what nothing is known of
    assert halves.certificate_["covered"].verdict is not ll.Verdict.PROVED


def test_only_what_is_known_may_be_asked_of_certify(truth):
    with pytest.raises(ll.errors.InvalidInputError, match="certify must be"):
        ll.MatrixCompletion(certify="all").fit(truth)
