"""Properties over generated data."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lowland import Observations, diagnose
from lowland.certificates.gaps.spectral_bounds import is_norm_below
from lowland.core.results.status import Verdict
from lowland.kernels.modular_arithmetic import modular
from lowland.measure import Entries
from lowland.testing import check_adjoint, check_measure

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.floats(-1e6, 1e6, allow_nan=False, width=64)


@st.composite
def positions(draw):
    m, n = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    size = draw(st.integers(0, 30))
    rows = draw(hnp.arrays(np.intp, size, elements=st.integers(0, m - 1)))
    columns = draw(hnp.arrays(np.intp, size, elements=st.integers(0, n - 1)))
    return rows, columns, (m, n)


@QUICK
@given(positions())
def test_any_positions_keep_the_contracts(where):
    measurement = Entries(*where)
    rng = np.random.default_rng(0)
    check_adjoint(measurement, rng, n_trials=2)
    check_measure(measurement, rng, n_trials=1)


@QUICK
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=numbers))
def test_tables_round_trip(table):
    np.testing.assert_array_equal(Observations.from_array(table).to_array(), table)


@QUICK
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=10), elements=numbers))
def test_norm_bounds_are_never_too_small(matrix):
    norm = np.linalg.norm(matrix, 2)
    if norm > 0:
        assert not is_norm_below(matrix, norm * (1 - 1e-12))


@QUICK
@given(hnp.arrays(np.float64, 12, elements=st.floats(allow_nan=False, allow_infinity=False, width=64)))
def test_residues_of_any_float(values):
    for value, residue in zip(values, modular.residues(values, modular.PRIME), strict=True):
        numerator, denominator = float(value).as_integer_ratio()
        assert residue == numerator * pow(denominator, -1, modular.PRIME) % modular.PRIME


@QUICK
@given(positions(), st.integers(1, 3))
def test_more_observations_never_undo_a_proof(where, rank):
    rows, columns, shape = where
    if rank > min(shape) or rows.size < 2:
        return
    fewer = diagnose(Entries(rows[:-1], columns[:-1], shape), rank=rank).finite.verdict
    more = diagnose(Entries(rows, columns, shape), rank=rank).finite.verdict
    assert not (fewer is Verdict.PROVED and more is not Verdict.PROVED)
