"""
Tensors: a response with missing cells, and an image in fifty colours
=====================================================================

Ligands by times by doses by cell types; rows by columns by wavelengths: many tables have more than two sides.
The Tucker decomposition gives each side its own few components, and a small core that says how they
interact.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.datasets import data_path

response = np.load(data_path("immune_response"))  # 13 ligands, 4 times, 12 doses, 8 cell types
known = ~np.isnan(response)
print(response.shape, f"{1 - known.mean():.1%} missing")

# %%
# To see how well missing cells are predicted, hide a tenth of the known ones. The fit estimates its error on
# unseen cells; the hidden cells show the actual error.
rng = np.random.default_rng(0)
hidden = known & (rng.random(response.shape) < 0.1)
fit = ll.decompose_tucker(np.where(hidden, np.nan, response), (4, 3, 4, 4), rng=0)
error = np.sqrt(np.mean((fit.tensor() - response)[hidden] ** 2))
spread = response[known].std()
print(f"expected {fit.new_cell_error().total:.3f}, found {error:.3f}, spread of the data {spread:.3f}")
assert error < 0.25 * spread
print(fit.certificate)

# %%
# With cells missing no bound on the best fit is known, and the certificate says so. It does say that the
# point is a local minimum, including directions that the Hessian cannot see, and that the cells leave only
# finitely many answers.
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4))
for axis, mode, name in zip(axes, (1, 2, 3), ("time", "dose", "cell type"), strict=True):
    axis.plot(fit.factors[mode][:, :3], marker="o")
    axis.set(title=name, xlabel="position")
axes[0].legend(["component 1", "2", "3"], frameon=False)
figure.tight_layout()
plt.show()

# %%
# In the opposite case all cells are known, and a tolerance chooses the ranks. The error is guaranteed.
fields = np.load(data_path("fields"))["cube"].astype(float)
compressed = ll.decompose_tucker(fields, tolerance=0.05, rng=0)
print(
    f"ranks {compressed.ranks}, relative error {compressed.relative_error:.4f}, "
    f"{compressed.compression_ratio:.0f} times fewer numbers"
)
assert compressed.relative_error <= 0.05
best = compressed.certificate["globally_optimal"]
print(f"no decomposition of these ranks has an error below {1 / best.witness['ratio']:.3f} of this one")

# %%
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8))
for axis, image, name in zip(
    axes,
    (fields[:, :, 20], compressed.tensor()[:, :, 20], compressed.tensor()[:, :, 20] - fields[:, :, 20]),
    ("one band", "from the decomposition", "difference"),
    strict=True,
):
    span = {"vmin": fields[:, :, 20].min(), "vmax": fields[:, :, 20].max()} if name != "difference" else {}
    shown = axis.imshow(image, cmap="viridis" if span else "RdBu_r", **span)
    axis.set(title=name, xticks=[], yticks=[])
    figure.colorbar(shown, ax=axis, shrink=0.7)
figure.tight_layout()
plt.show()
