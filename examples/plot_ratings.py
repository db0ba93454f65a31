"""
Ratings, with honest error bars
===============================

Recommenders predict; few say how sure they are. A table of ratings, most of it empty, is completed here
without tuning, and its error bars are checked on ratings that were held out.

The ratings are simulated, so that the page builds anywhere. Users rate what they like, so the pattern of
which items were rated is itself informative. Set ``LOWLAND_RATINGS`` to the path of your own table (user,
item, rating) to run the page on it.
"""

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import lowland as ll


def invent(users=800, items=500, seed=0):
    """Return users, items and ratings from 1 to 5, from a model of taste with three dimensions."""
    rng = np.random.default_rng(seed)
    taste, kind = rng.standard_normal((users, 3)), rng.standard_normal((items, 3)) * [1, 0.7, 0.5]
    liking = 0.5 * (taste @ kind.T) + 0.5 * rng.standard_normal((users, 1)) + 0.5 * rng.standard_normal(items)
    popularity = -4.5 + 0.8 * rng.standard_normal(items) + 0.7 * rng.standard_normal((users, 1))
    seen = rng.random(liking.shape) < 1 / (1 + np.exp(-popularity - liking))
    grades = np.clip(np.round(3.6 + liking + 0.7 * rng.standard_normal(liking.shape)), 1, 5)
    u, i = np.nonzero(seen)
    return ll.Observations.from_triples(u, i, grades[u, i], shape=liking.shape)


path = os.environ.get("LOWLAND_RATINGS")
ratings = ll.read_table(path) if path else invent()
m, n = ratings.shape
print(f"{ratings.size} ratings of {n} items by {m} users: {ratings.size / (m * n):.1%} of the table")

# %%
# Every fifth rating is held out.
rng = np.random.default_rng(1)
apart = rng.random(ratings.size) < 0.2
train, test = ratings.select(~apart), ratings.select(apart)
model = ll.MatrixCompletion(random_state=0).fit(train)
predicted = model.predict_cells(test.rows, test.columns)


def error(values):
    return np.sqrt(np.mean((values - test.values) ** 2))


means = np.bincount(train.columns, train.values, n) / np.maximum(train.column_counts(), 1)
means[train.column_counts() == 0] = train.values.mean()
plain = ll.MatrixCompletion(rank=3, penalty="auto", random_state=0, certify=False).fit(train)
print(f"item means {error(means[test.columns]):.3f}")
print(f"penalised factors {error(plain.predict_cells(test.rows, test.columns)):.3f}")
print(f"default {error(predicted):.3f}")
assert error(predicted) < error(means[test.columns])

# %%
# Do the intervals have the coverage that they promise?
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
levels = np.array([0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
inside = []
for level in levels:
    low, high = model.predict_interval(test.rows, test.columns, level)
    inside.append(np.mean((low <= test.values) & (test.values <= high)))
axes[0].plot([0, 1], [0, 1], color="0.7")
axes[0].plot(levels, inside, "o-")
axes[0].set(xlabel="level", ylabel="held-out ratings inside", title="calibration")
counts = train.row_counts()[test.rows]
low, high = model.predict_interval(test.rows, test.columns, 0.9)
groups = np.array_split(np.argsort(counts), 8)
axes[1].plot([counts[g].mean() for g in groups], [(high - low)[g].mean() for g in groups], "o-")
axes[1].set(
    xlabel="ratings of the user",
    ylabel="width of the 90 % interval",
    title="more ratings, narrower intervals",
)
figure.tight_layout()
plt.show()

# %%
# Recommendations: the best items that a user has not rated, and items similar to one.
items, grades = model.top(7, k=5)
print("for user 7:", ", ".join(f"item {i} ({g:.1f})" for i, g in zip(items, grades, strict=True)))
alike, correlation = model.similar(int(items[0]), k=3)
print(
    f"similar to item {items[0]}:",
    ", ".join(f"item {i} ({c:.2f})" for i, c in zip(alike, correlation, strict=True)),
)
