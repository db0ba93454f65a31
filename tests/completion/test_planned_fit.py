"""How much work choices take beside the fit itself, counted: a choice that costs more fails here at once."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.core.work import counted


def linear(rng):
    return rng.standard_normal((200, 2)) @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((200, 8))


def skewed(rng):
    return np.exp(0.7 * linear(rng)[:60])


def curved(rng):
    x = rng.uniform(-2, 2, 150)
    columns = [x, np.sin(2 * x), x**2, np.abs(x)]
    return np.column_stack(columns) + 0.1 * rng.standard_normal((150, 4))


def mixed(rng):
    about = rng.standard_normal((120, 2))
    frame = pd.DataFrame(about @ rng.standard_normal((2, 4)) + 0.4 * rng.standard_normal((120, 4)))
    for name in ("v", "w"):
        utilities = about @ rng.standard_normal((2, 3)) + rng.gumbel(size=(120, 3))
        frame[name] = np.array(["red", "green", "blue"], object)[utilities.argmax(axis=1)]
    return frame.set_axis([str(name) for name in frame], axis=1)


def holes(make):
    rng = np.random.default_rng(0)
    table = make(rng)
    hidden = rng.random(table.shape) < 0.2
    return table.mask(hidden) if isinstance(table, pd.DataFrame) else np.where(hidden, np.nan, table)


@cache
def fitted(make):
    """A fit with all its choices, and the work counted around it."""
    with counted() as work:
        model = ll.MatrixCompletion(certify=False, random_state=0).fit(holes(make))
    return model, work.spent


@pytest.mark.parametrize(("make", "most"), [(linear, 2.0), (skewed, 2.1), (curved, 5.2), (mixed, 1.7)])
def test_choices_take_at_most_so_many_fits(make, most):
    """What was measured, and a quarter more."""
    assert 1.0 <= fitted(make)[0].fit_work_ <= most


def test_it_is_the_work_of_all_over_that_of_the_last_fit():
    table = holes(curved)
    model, spent = fitted(curved)
    assert model.fit_work_ == pytest.approx(spent / model.search_.work, rel=0.02)
    assert model.fit_work_ > 3
    plain = ll.MatrixCompletion(certify=False, random_state=0, powers=False, refine=False, row_units=False)
    assert plain.fit(table).fit_work_ < 1.5


@pytest.mark.parametrize(
    "settings",
    [{"method": "map", "rank": 2}, {"method": "gibbs", "n_draws": 2}, {"method": "variational"}],
    ids=lambda own: own["method"],
)
def test_all_methods_have_it_and_files_do_not(settings, tmp_path, few_trees, quick_starts):
    brief = {"certify": False, "max_iter": 5, "random_state": 0}
    model = ll.MatrixCompletion(**settings, **brief).fit(holes(linear)[:60])
    assert model.fit_work_ >= 1
    model.save(tmp_path / "model.npz")
    assert not hasattr(ll.MatrixCompletion.load(tmp_path / "model.npz"), "fit_work_")


def test_the_page_tells_it(tmp_path, undrawn):
    model = fitted(linear)[0]
    model.report(tmp_path / "page.html")
    told = f"Choosing and fitting took {model.fit_work_:.1f} times the work of the last fit alone."
    assert told in (tmp_path / "page.html").read_text(encoding="utf-8")
