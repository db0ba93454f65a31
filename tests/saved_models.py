"""What the file of a fit holds, for tests that damage it."""

from lowland.files.bundle import load_bundle


def contents(fit, folder):
    """Save a fit in a folder; return the header and the arrays of its file."""
    path = folder / "model.npz"
    fit.save(path)
    header, arrays = load_bundle(path, "model")
    return header, dict(arrays)
