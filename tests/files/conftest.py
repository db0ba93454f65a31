"""Files are what is tested here, not fits of what is in them."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def light(light_fits_throughout):
    """Fit with few sweeps, draws and trees."""
