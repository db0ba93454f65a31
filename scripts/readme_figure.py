"""Draw the figure of the README: a table with holes, completed, and one row with its band.

Run as `python scripts/readme_figure.py docs/images/completed-table.png`.
"""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import lowland as ll
from lowland.datasets import data_path

ROW = "Greece"
GAP = range(1972, 1986)


def main() -> None:
    """Fit the table with a gap made in one row, and draw."""
    births = ll.read_table(data_path("fertility"))
    rows, years = births.row_labels.tolist(), np.array([int(year) for year in births.column_labels])
    at = rows.index(ROW)
    hidden = (births.rows == at) & np.isin(years[births.columns], GAP)
    model = ll.MatrixCompletion(random_state=0, certify=False).fit(births.select(~hidden))
    table, completed = births.select(~hidden).to_array(), model.predict_table()
    order = np.argsort(completed[:, 0])
    # what one country lacks is held out of others, to see how far off predictions in such gaps are
    low, high = model.predict_interval(
        [ROW] * years.size, births.column_labels, level=0.9, method="conformal_gaps"
    )

    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(11, 3.4), width_ratios=(1, 1, 1.5), layout="constrained"
    )
    colours = plt.get_cmap("viridis").copy()
    colours.set_bad("#e8e4dc")
    limits = {"vmin": 1, "vmax": 8, "aspect": "auto", "cmap": colours, "interpolation": "nearest"}
    extent = (years[0], years[-1], len(rows), 0)
    for axes, values, title in ((left, table, "a table with holes"), (middle, completed, "completed")):
        image = axes.imshow(values[order], extent=extent, **limits)
        axes.set(title=title, yticks=[], xticks=(1970, 1990, 2010))
    left.set_ylabel("210 countries")
    figure.colorbar(image, ax=middle, label="births per woman")
    truth = births.to_array()[at]
    seen = np.isfinite(table[at])
    right.fill_between(years, low, high, color="#3b6ea5", alpha=0.25, lw=0, label="90 % interval")
    right.plot(years, completed[at], color="#3b6ea5", label="predicted")
    right.plot(years[seen], truth[seen], ".", color="0.25", ms=4, label="given")
    right.plot(years[~seen], truth[~seen], "o", mfc="none", color="#c0562b", ms=4, label="hidden")
    right.set(title=f"{ROW}, with fourteen years hidden", ylabel="births per woman")
    right.legend(frameon=False, fontsize=8)
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(sys.argv[1], dpi=150)


if __name__ == "__main__":
    main()
