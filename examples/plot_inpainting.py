"""
Filling in missing pixels of an image
=====================================

An image with half of its pixels lost is a matrix with missing entries. That it has nearly low rank is a weak
description of a photograph, and still enough to recover the picture.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.datasets import data_path

image = np.load(data_path("camera")).astype(float)
rng = np.random.default_rng(0)
lost = rng.random(image.shape) < 0.5
holes = np.where(lost, np.nan, image)

# %%
# Neighbouring rows and columns are similar: smooth functions of the coordinates, as covariates, tell the
# model so. Without them it has low rank alone.
place = np.linspace(0, np.pi, len(image))
waves = np.column_stack([np.cos(k * place) / k for k in range(1, 24)])
plain = ll.MatrixCompletion(random_state=0, certify=False).fit(holes)
smooth = ll.MatrixCompletion(random_state=0, certify=False).fit(
    holes, row_covariates=waves, column_covariates=waves
)


def error(filled):
    return np.sqrt(np.mean((filled - image)[lost] ** 2))


pictures = {
    "seen": holes,
    "mean of the column": np.where(lost, np.nanmean(holes, axis=0), image),
    "low rank": plain.transform(holes),
    "low rank and smooth": smooth.transform(holes, waves),
    "original": image,
}
for name in list(pictures)[1:4]:
    print(f"{name}: error {error(pictures[name]):.1f} of 255 grey levels")
assert error(pictures["low rank"]) < error(pictures["mean of the column"])

# %%
figure, axes = plt.subplots(1, 5, figsize=(12, 2.8))
for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axis.set_title(name, fontsize="medium")
    axis.set_axis_off()
figure.tight_layout()
plt.show()
