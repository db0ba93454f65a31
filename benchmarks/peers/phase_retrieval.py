"""Phase retrieval beside Wirtinger flow: how often the signal is found, to which error, in how many seconds.

    python benchmarks/peers/phase_retrieval.py [--seeds 10] [--size 64] [--image]

Complex Gaussian vectors, with twice to eight times as many intensities as unknowns; with --image, also the grey image
of the package behind six random phase masks. Wirtinger flow is that of Candes, Li and Soltanolkotabi (2015): the
leading eigenvector by fifty power steps, then 2,500 gradient steps with their growing step size.
"""

import argparse
import time

import numpy as np

import lowland as ll
from lowland.datasets import data_path

POWER_STEPS, STEPS = 50, 2500
FOUND = 1e-5


def wirtinger_flow(forward, backward, intensities, n, rng):
    """Return the signal; forward maps it to its measurements by vectors of norm sqrt(n), backward is the adjoint."""
    z = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    for _ in range(POWER_STEPS):
        z = backward(intensities * forward(z))
        z /= np.linalg.norm(z)
    energy = intensities.mean()
    z *= np.sqrt(energy)
    for t in range(1, STEPS + 1):
        image = forward(z)
        gradient = backward((np.abs(image) ** 2 - intensities) * image) / intensities.size
        z = z - min(1 - np.exp(-t / 330), 0.2) / energy * gradient
    return z


def lowland(measurement, intensities, rng):
    fit = ll.recover(measurement, intensities, rank=1, structure="psd", certify=False, rng=rng)
    return fit.factors.left[:, 0]


def error(found, x):
    overlap = np.vdot(found, x)
    return np.linalg.norm(found * overlap / max(abs(overlap), 1e-300) - x) / np.linalg.norm(x)


def timed(method, *arguments):
    start = time.perf_counter()
    found = method(*arguments)
    return found, time.perf_counter() - start


def gaussian(n, m, seed):
    """Return the errors and seconds of both methods."""
    rng = np.random.default_rng([seed, n, m])
    a = (rng.standard_normal((m, n)) + 1j * rng.standard_normal((m, n))) / np.sqrt(2)
    x = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    y = np.abs(a.conj() @ x) ** 2
    adjoint = np.ascontiguousarray(a.T)
    calls = (
        (lowland, ll.RankOne(a), y, seed),
        (wirtinger_flow, lambda z: a.conj() @ z, lambda r: adjoint @ r, y, n, rng),
    )
    return [(error(found, x), seconds) for found, seconds in (timed(*call) for call in calls)]


def image(masks_count):
    rng = np.random.default_rng(0)
    grey = np.load(data_path("camera")) / 255
    x = (grey * np.exp(0.5j * np.pi * grey)).ravel()
    masks = np.exp(2j * np.pi * rng.random((masks_count, *grey.shape)))
    measurement = ll.coded_diffraction(masks)
    y = measurement.measure(ll.Factors(x[:, None], x[:, None])).real

    def forward(z):
        return np.fft.fft2(masks * z.reshape(grey.shape)).ravel()

    def backward(r):
        spread = np.fft.ifft2(r.reshape(masks.shape)) * grey.size
        return np.sum(masks.conj() * spread, axis=0).ravel()

    scale = y.sum() / np.sum(np.abs(forward(x)) ** 2)
    calls = (
        (lowland, measurement, y, 0),
        (wirtinger_flow, forward, backward, y / scale, x.size, rng),
    )
    return [(error(found, x), seconds) for found, seconds in (timed(*call) for call in calls)]


def show(label, rows):
    """Print one line per method and return the median seconds."""
    medians = []
    for name, results in zip(("lowland", "Wirtinger flow"), zip(*rows, strict=True), strict=True):
        errors, seconds = np.array(results).T
        medians.append(np.median(seconds))
        print(
            f"| {label} | {name} | {np.sum(errors < FOUND)} of {errors.size} | {np.median(errors):.1e} | "
            f"{seconds.min():.3f} | {medians[-1]:.3f} |",
            flush=True,
        )
    return medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--image", action="store_true")
    options = parser.parse_args()
    gaussian(8, 64, 0)  # compiled code is loaded
    print(
        "| intensities | method | found | median error | seconds, least | median |\n|---|---|---|---|---|---|"
    )
    for share in (2, 3, 4, 6, 8):
        n, m = options.size, share * options.size
        ours, theirs = show(f"{m} of {n} unknowns", [gaussian(n, m, seed) for seed in range(options.seeds)])
    print(f"ratio | phase retrieval, {share} intensities per unknown: seconds over Wirtinger flow's | "
          f"{ours / theirs:.3g} | lower | peer")  # fmt: skip
    if options.image:
        ours, theirs = show("image of 4,096 pixels, six masks", [image(6)])
        print(
            f"ratio | phase retrieval, image: seconds over Wirtinger flow's | {ours / theirs:.3g} | lower | peer"
        )


if __name__ == "__main__":
    main()
