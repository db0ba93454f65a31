"""
Which substances are in these samples?
======================================

A fluorescence spectrometer excites a sample at many wavelengths and measures what it emits at many others.
The intensities of a mixture are sums, over its substances, of a concentration times an excitation spectrum
times an emission spectrum: a CP decomposition, whose components can be shown to be the only ones. Nobody has
to know the spectra beforehand.

The five samples below are invented, with the peaks of three amino acids, noise and scattered light, so that
what is recovered can be compared with what was put in.
"""

# %%
# Light that is scattered, not absorbed and emitted again, fills a band where both wavelengths are equal, and
# below it nothing is emitted. Those cells are no sums of components: they are left out.
import matplotlib.pyplot as plt
import numpy as np

import lowland as ll

# peaks of excitation and emission, in nm
PEAKS = {"tryptophan": (280, 350), "tyrosine": (274, 303), "phenylalanine": (257, 282)}
excitation, emission = np.arange(240, 301, 2.0), np.arange(264, 451, 2.0)


def spectrum(wavelengths, peak, shorter, longer):
    """A peak with tails of two widths, in shares of the wavelength."""
    away = np.log(wavelengths / peak)
    return np.exp(-0.5 * (away / np.where(away > 0, longer, shorter)) ** 2)


rng = np.random.default_rng(0)
excited = np.column_stack([spectrum(excitation, peak, 0.08, 0.03) for peak, _ in PEAKS.values()])
emitted = np.column_stack([spectrum(emission, peak, 0.04, 0.07) for _, peak in PEAKS.values()])
# two mixtures of all three, and one sample of each alone
amounts = np.array([[1, 0.7, 0.9], [0.4, 1, 0.6], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
intensities = np.einsum("ir,jr,kr->ijk", amounts, excited, emitted)
measured = intensities + 0.02 * rng.standard_normal(intensities.shape)
measured += 2 * np.exp(-0.5 * ((emission - excitation[:, None]) / 5) ** 2)  # scatter
seen = np.where(emission > excitation[:, None] + 20, measured, np.nan)

# %%
# Spectra and concentrations are not negative, and neither are the factors. Are the components the only ones
# that add up to the fit? The certificate says so.
fit = ll.decompose_cp(seen, 3, nonnegative=True, rng=0)
print(fit)
unique = fit.certificate["unique_decomposition"]
print("unique:", unique.verdict.name)
assert unique.verdict is ll.Verdict.PROVED
assert all((factor >= 0).all() for factor in fit.factors)

# %%
# Three is the number of substances: the core of a fourth component is no longer that of a CP decomposition.
for count in (2, 3, 4):
    trial = ll.decompose_cp(seen, count, nonnegative=True, certify=False, rng=0)
    print(f"{count}: error {trial.relative_error:.4f}, core consistency {trial.core_consistency:.0f} %")

# %%
# Each component is named by its peaks: the nearest of the known ones.
names, order = list(PEAKS), []
known = np.array(list(PEAKS.values()), float)
for component in range(3):
    found = np.array(
        [excitation[fit.factors[1][:, component].argmax()], emission[fit.factors[2][:, component].argmax()]]
    )
    order.append(int(np.linalg.norm(known - found, axis=1).argmin()))
    print(f"excited at {found[0]:.0f} nm, emits at {found[1]:.0f} nm: {names[order[-1]]}")
assert sorted(order) == [0, 1, 2]

# %%
# What was recovered (lines) beside what was put in (dots).
colours = ["tab:blue", "tab:orange", "tab:green"]
fig, axes = plt.subplots(1, 3, figsize=(12, 3.6), width_ratios=[1, 1.4, 1])
for component, place in enumerate(order):
    pairs = ((axes[0], excitation, excited, 1), (axes[1], emission, emitted, 2))
    for ax, wavelengths, planted, mode in pairs:
        line = fit.factors[mode][:, component]
        peak = int(line.argmax())
        ax.plot(wavelengths, line / line.max(), color=colours[place])
        ax.plot(wavelengths, planted[:, place] / planted[:, place].max(), ".", color=colours[place], ms=3)
        ax.annotate(
            f"{names[place]} {wavelengths[peak]:.0f} nm",
            (wavelengths[peak], 1.03 + 0.1 * place),  # above each other
            ha="left",
            color=colours[place],
            fontsize=8,
        )
    share = fit.factors[0][:, component]
    axes[2].plot(amounts[:, place], share / share.max(), "o", color=colours[place], label=names[place])
for ax, title in zip(axes, ("excitation", "emission", "concentration"), strict=True):
    ax.set_title(title)
    ax.set_ylim(-0.05, 1.35)
axes[0].set_xlabel("nm")
axes[1].set_xlabel("nm")
axes[2].set_xlabel("put in")
axes[2].set_ylabel("found, of the largest")
axes[2].legend(fontsize=8, loc="upper left")
fig.tight_layout()
plt.show()

# %%
# The cells that scatter had spoilt, filled by the components, and the congruence of the components that were
# found with those that were put in: 1 is equal.
congruence = fit.congruence((amounts, excited, emitted))
print("congruence", np.round(congruence, 4))
assert congruence.min() > 0.99
fig, axes = plt.subplots(1, 3, figsize=(12, 3.2), sharey=True, layout="constrained")
images = {"measured": measured[0], "scatter left out": seen[0], "completed": fit.completed()[0]}
for ax, (title, image) in zip(axes, images.items(), strict=True):
    mesh = ax.pcolormesh(emission, excitation, image, vmin=0, vmax=1.2)
    ax.set_title(title)
    ax.set_xlabel("emission, nm")
axes[0].set_ylabel("excitation, nm")
fig.colorbar(mesh, ax=axes)
plt.show()
