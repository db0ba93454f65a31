"""Which slow tests a seed draws."""

import pytest

from sampling import SHARE, is_drawn

pytest_plugins = ["pytester"]


def test_families_are_drawn_by_seed_and_name():
    families = [f"tests/a/test_x.py::test_{k}" for k in range(600)]
    drawn = {seed: {name for name in families if is_drawn(seed, name)} for seed in "ab"}
    assert drawn["a"] != drawn["b"]
    for found in drawn.values():
        assert 30 < len(found) < 90  # 600 / SHARE is 60
    assert SHARE == 10


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_slow_families_run_whole_and_all_others_run(pytester, monkeypatch, seed):
    # of plugins this one is enough
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]\nmarkers = slow: takes long")
    slow = "@pytest.mark.slow\n@pytest.mark.parametrize('x', [1, 2])\ndef test_{}(x): pass\n"
    pytester.makepyfile("import pytest\n" + "".join(slow.format(k) for k in range(20)) + "def test(): pass\n")
    found = pytester.runpytest_inprocess("-p", "sampling", "--sample", seed, "-v").stdout.str()
    for k in range(20):
        assert found.count(f"::test_{k}[") in (0, 2)
    assert "::test PASSED" in found
    assert "deselected" in found
