"""A plugin that runs a sample of the slow tests (`--sample SEED`), whole families of them.

A family is a test function with all its inputs. Each is drawn by the seed and its own name, so that every
revision runs others, and the same one always the same.
"""

import hashlib

# one family of so many is run
SHARE = 10


def is_drawn(seed, family):
    """Whether a seed draws a family."""
    return int(hashlib.sha256(f"{seed} {family}".encode()).hexdigest(), 16) % SHARE == 0


def pytest_addoption(parser):
    parser.addoption("--sample", metavar="SEED", help="run a sample of the slow tests, drawn by this seed")


def pytest_collection_modifyitems(config, items):
    seed = config.getoption("--sample")
    if seed is None:
        return
    kept, left_out = [], []
    for item in items:
        slow = item.get_closest_marker("slow") is not None
        (left_out if slow and not is_drawn(seed, item.nodeid.split("[")[0]) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
