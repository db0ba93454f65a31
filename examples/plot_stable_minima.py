"""
Large steps, few knots
======================

Gradient descent with a large constant step cannot settle on a function whose slope changes much. The same
data are fitted with three step sizes; then the sharpness of the loss is compared with the step size.
"""

import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.displays import BoundaryRiskDisplay, SplineDisplay

# %%
# Thirty noisy points of a hat function, fitted by two-layer networks of a hundred neurons.
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, 30)
y = 1 - 2 * np.abs(x) + 0.5 * rng.standard_normal(30)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.5), sharey=True)
for ax, step in zip(axes, (0.01, 0.1, 0.4), strict=True):
    fit = ll.networks.fit_stable(x, y, step_size=step, rng=0)
    SplineDisplay.from_fit(fit).plot(ax)
    ax.set_title(f"step {step}: {fit.knots.size} knots")
    print(f"step {step}: weighted variation {fit.stability.variation:.2f}, at most {1 / step - 0.5:.1f}")

# %%
# The largest curvature of the loss at the end follows 2 over the step size, if descent would go further
# with a smaller step.
steps = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
sharp = [
    [ll.networks.stability_report(fit.runs.network(k), x, y, step).sharpness.largest for k in range(8)]
    for step in steps
    for fit in [ll.networks.fit_stable(x, y, step_size=step, rng=1, restart=False)]
]
fig, ax = plt.subplots(figsize=(6, 3.5))
ax.loglog(steps, 2 / steps, "--", label="2 / step size")
ax.loglog(steps, sharp, ".", color="tab:blue")
ax.set(xlabel="step size", ylabel="largest curvature")
ax.legend()

# %%
# Where the data constrain the fit: a change of slope costs little near both ends of the data.
BoundaryRiskDisplay.from_report(fit.stability).plot()
