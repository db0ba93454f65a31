"""
Background and foreground of a video with lost pixels
=====================================================

Frames of a fixed camera differ only in the light: as columns of a matrix, they have low rank. What moves
through the picture is sparse. Huber's loss separates the two, even with lost pixels: minimising the Huber
error of a low-rank matrix plus its nuclear norm is the same as fitting a low-rank plus a sparse matrix, each
with its penalty (robust principal component analysis).
"""

# %%
# Forty frames over a photograph: clouds change the light, a bright box and a dark disc cross the picture,
# and three tenths of all pixels are lost.
import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.datasets import data_path

image = np.load(data_path("camera")).astype(float)
side, frames = len(image), 40
rng = np.random.default_rng(0)
time = np.linspace(0, 1, frames)
light = 1 + 0.25 * np.sin(2 * np.pi * 1.5 * time)
shade = np.linspace(-20, 20, side)[:, None, None] * np.cos(2 * np.pi * time)
background = image[:, :, None] * light + shade
video, moving = background.copy(), np.zeros(background.shape, bool)
down, across = np.ogrid[:side, :side]
for t in range(frames):
    box = (abs(down - 20) < 6) & (abs(across - 1.5 * t) < 5)
    disc = (down - 50 + 0.4 * t) ** 2 + (across - 60 + 1.2 * t) ** 2 < 25
    video[box, t], video[disc, t] = 230.0, 10.0
    moving[:, :, t] = box | disc
video += 2 * rng.standard_normal(video.shape)
lost = rng.random(video.shape) < 0.3

# %%
# One row per pixel, one column per frame, in grey levels. Errors up to 8 are noise; following theory, the
# penalty is that number times the square root of the number of pixels seen in a frame. The certificate says
# that no other background and foreground explain the video at lower cost.
table = np.where(lost, np.nan, video).reshape(side * side, frames)
settings = {"rank": 4, "penalty": 8 * np.sqrt(0.7 * side * side), "random_state": 0}
model = ll.MatrixCompletion(loss="huber:8", scale="common", noise="common", **settings).fit(table)
proof = model.certificate_["globally_optimal"]
print(f"globally optimal: {proof.verdict.name}, gap {proof.value:.1e}")
calm = model.predict_table().reshape(video.shape)
sparse = model.outliers().toarray().reshape(video.shape)

squares = ll.MatrixCompletion(certify=False, **settings).fit(table)
smeared = squares.predict_table().reshape(video.shape)
for name, found in (("Huber", calm), ("squares", smeared)):
    wrong = np.sqrt(np.mean((found - background)[moving] ** 2))
    print(f"{name}: background wrong by {wrong:.1f} grey levels behind moving objects")
seen = ~lost
hits = (np.abs(sparse) > 8)[seen]
print(
    f"flagged as foreground: {np.mean(hits[moving[seen]]):.0%} of the moving pixels that were seen, "
    f"and {np.mean(hits[~moving[seen]]):.2%} of the others"
)
assert np.sum((calm - background)[moving] ** 2) < 0.05 * np.sum((smeared - background)[moving] ** 2)

# %%
figure, axes = plt.subplots(3, 4, figsize=(8.5, 6.4))
for row, t in zip(axes, (6, 20, 34), strict=True):
    shown = (np.where(lost, np.nan, video), calm, np.abs(sparse), smeared)
    for axis, stack in zip(row, shown, strict=True):
        top = 80 if stack is shown[2] else 280
        axis.imshow(stack[:, :, t], cmap="gray", vmin=0, vmax=top)
        axis.set_axis_off()
titles = ("seen", "background", "foreground", "background, squared errors")
for axis, title in zip(axes[0], titles, strict=True):
    axis.set_title(title, fontsize="medium")
figure.tight_layout()
plt.show()
