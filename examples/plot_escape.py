"""
Leaving a minimum: reversible, non-reversible, and with inertia
===============================================================

A path on the surface of Muller and Brown starts in its deepest minimum. How long does noise take to drive it
out, and does it help to break reversibility?
"""

import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.displays import SurvivalDisplay

# %%
# The surface, its three minima and two saddles.
surface = ll.dynamics.potential("muller_brown")
x, y = np.meshgrid(np.linspace(-1.5, 1.2, 200), np.linspace(-0.4, 2.0, 200))
energy = surface.value(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
fig, ax = plt.subplots(figsize=(6, 5))
ax.contour(x, y, energy, levels=np.linspace(-7.5, 2, 25), cmap="viridis")
ax.plot(*np.transpose(surface.minima), "o", color="k", label="minima")
ax.plot(*np.transpose(surface.saddles), "x", color="tab:red", label="saddles")
path = ll.dynamics.sample_langevin(
    surface,
    surface.minima[0],
    ll.dynamics.Overdamped(0.0005, beta=1.5),
    n_chains=1,
    n_draws=1500,
    thin=20,
    rng=1,
).draws[0]
ax.plot(*path.T, lw=0.3, color="tab:orange", label="a path")
ax.legend(loc="upper right")

# %%
# Three dynamics at the same temperature leave the upper left minimum: the time until a path has crossed the
# saddle and come down on the other side. With inertia it takes longer in time here, but fewest gradients,
# because steps may be longer. The law is the Eyring-Kramers law for the first saddle.
down = ll.dynamics.HalfSpace([0.0, -1.0], -0.35)
H = surface.hessian_at(surface.minima[0])
J = 0.3 * ll.dynamics.optimal_antisymmetric(H)
kinds = {
    "reversible": ll.dynamics.Overdamped(0.001, beta=1.5),
    "turned": ll.dynamics.NonReversible(0.0008, beta=1.5, antisymmetric=J),
    "inertia": ll.dynamics.Underdamped(0.02, beta=1.5, friction=2.0),
}
fig, axes = plt.subplots(1, 3, figsize=(11, 3.5), sharey=True)
for ax, (name, dynamics) in zip(axes, kinds.items(), strict=True):
    study = ll.dynamics.escape_times(
        surface, surface.minima[0], exit=down, dynamics=dynamics, n_chains=2000, max_gradient_calls=1e8, rng=0
    )
    low, high = study.interval()
    law = ll.dynamics.kramers_time(surface, surface.minima[0], surface.saddles[0], dynamics)
    steps = study.mean / dynamics.step_size
    print(f"{name}: mean {study.mean:.3g} ({low:.3g} to {high:.3g}), {steps:.0f} gradients; law {law:.3g}")
    SurvivalDisplay.from_study(study).plot(ax)
    ax.set_title(name)
fig.tight_layout()
plt.show()
