"""
A sensor table with gaps
========================

Sensors fail for days, not for single readings, so a gap has no neighbours to interpolate from. This table of
sea-surface temperatures, 61 years by month, is complete; here whole seasons are removed, and the intervals
must say how accurately they can be predicted.
"""

# %%
# Seven consecutive months are removed from a third of the years.
import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.datasets import data_path

temperatures = ll.read_table(data_path("temperatures"), row="year", layout="wide").to_array()
years = np.arange(1950, 2011)
rng = np.random.default_rng(1)
hidden = np.zeros(temperatures.shape, bool)
for year in rng.choice(len(years), len(years) // 3, replace=False):
    first = rng.integers(0, 6)
    hidden[year, first : first + 7] = True
holes = np.where(hidden, np.nan, temperatures)

# %%
# Nothing is tuned.
model = ll.MatrixCompletion(random_state=0).fit(holes)
filled = model.transform(holes)

monthly = np.nanmean(holes, axis=0)
error = np.sqrt(np.mean((filled - temperatures)[hidden] ** 2))
usual = np.sqrt(np.mean((monthly - temperatures)[hidden] ** 2))
print(f"error {error:.2f} degrees in the gaps; with the month's mean {usual:.2f}")
assert error < 0.8 * usual

# %%
# Gaps are harder to predict than single cells, and intervals that are right for single cells are too narrow
# inside gaps. ``conformal_gaps`` calibrates on gaps like those of the table: the months that one year lacks
# are held out of another. Over eight such tables, with random gaps, 90 % intervals of the three methods
# contained 79, 80 and 87 % of the readings.
rows, columns = np.nonzero(hidden)
covered = {}
for method in ("posterior", "conformal", "conformal_gaps"):
    low, high = model.predict_interval(rows, columns, 0.9, method=method)
    covered[method] = np.mean((low <= temperatures[hidden]) & (temperatures[hidden] <= high))
    print(f"{method}: 90 % intervals contain {covered[method]:.0%} of the hidden readings")
assert covered["conformal_gaps"] > covered["posterior"]

# %%
# Three of the years, with 90 % intervals.
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True)
months = np.arange(12)
for axis, year in zip(axes, np.unique(rows)[[2, 9, 16]], strict=True):
    low, high = model.predict_interval(np.full(12, year), months, 0.9, method="conformal_gaps")
    axis.fill_between(months, low, high, where=hidden[year], color="C0", alpha=0.25, label="90 % interval")
    axis.plot(months, monthly, ":", color="0.5", label="mean of the month")
    axis.plot(months, holes[year], "o", color="k", label="observed")
    axis.plot(months[hidden[year]], temperatures[year, hidden[year]], "x", color="C3", label="removed")
    axis.plot(months, np.where(hidden[year], filled[year], np.nan), color="C0", label="predicted")
    axis.set(title=str(years[year]), xticks=months[::3], xticklabels=["Jan", "Apr", "Jul", "Oct"])
axes[0].set_ylabel("degrees Celsius")
axes[2].legend(fontsize="small")
figure.tight_layout()
plt.show()
