"""
A wide biological table
=======================

Expression profiles and antibody panels have correlated columns and failed samples. This table has 438 blood
samples and 66 antibody measurements (6 antigens by 11 receptors); whole groups of measurements are removed
from some samples, as if a reagent had run out.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.impute import KNNImputer

import lowland as ll
from lowland.datasets import data_path

signals = np.load(data_path("antibodies"))
samples, antigens, receptors = 438, 6, 11
rng = np.random.default_rng(0)
hidden = np.zeros((samples, antigens, receptors), bool)
for sample in rng.choice(samples, samples // 2, replace=False):
    hidden[sample, :, rng.choice(receptors, 3, replace=False)] = True  # receptors that failed
hidden = hidden.reshape(samples, -1)
holes = np.where(hidden, np.nan, signals)

# %%
# The default needs no tuning, and estimates the noise of each measurement.
model = ll.MatrixCompletion(random_state=0).fit(holes)
filled = model.transform(holes)
neighbours = KNNImputer(n_neighbors=10).fit_transform(holes)
for name, table in (("lowland", filled), ("ten nearest neighbours", neighbours)):
    print(f"{name}: error {np.sqrt(np.mean((table - signals)[hidden] ** 2)):.3f}")
assert np.sum((filled - signals)[hidden] ** 2) < np.sum((neighbours - signals)[hidden] ** 2)

# %%
# Imputed numbers are not data: an analysis that treats them as data is overconfident. Draw completed tables,
# analyse each, and pool the results.
tables = model.completions(20, random_state=0)
first = tables[:, :, 0].mean(axis=1)
print(f"mean of the first measurement: {first.mean():.3f}, spread by imputation {first.std(ddof=1):.4f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4))
order = np.argsort(model.row_factors_[:, 0])
axes[0].imshow(filled[order], aspect="auto", cmap="RdBu_r", vmin=-3, vmax=3, interpolation="nearest")
axes[0].set(
    title="completed, samples in the order of the first factor", xlabel="measurement", ylabel="sample"
)
noise = model.noise_.reshape(antigens, receptors)
image = axes[1].imshow(noise, cmap="viridis")
axes[1].set(title="estimated noise", xlabel="receptor", ylabel="antigen")
figure.colorbar(image, ax=axes[1], shrink=0.6, label="standard deviation")
figure.tight_layout()
plt.show()
