"""How often method "map" finds a planted rank by itself.

    python benchmarks/accuracy/rank_choice.py [--seeds 4]

Ranks 1 to 12, 200 x 150, 40 % of the cells seen; the signal-to-noise ratio is that of standard deviations.
"""

import argparse

import numpy as np

import lowland as ll


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    for ratio in (10, 2, 1):
        off = []
        for rank in range(1, 13):
            for seed in range(options.seeds):
                rng = np.random.default_rng(100 * rank + seed)
                signal = rng.standard_normal((200, rank)) @ rng.standard_normal((rank, 150))
                table = signal / signal.std() + rng.standard_normal(signal.shape) / ratio
                holes = np.where(rng.random(table.shape) < 0.4, table, np.nan)
                model = ll.MatrixCompletion(method="map", certify=False, random_state=seed).fit(holes)
                off.append(model.rank_ - rank)
        off = np.array(off)
        print(
            f"signal to noise {ratio}: right in {np.mean(off == 0):.1%} of {off.size}, "
            f"at most {off.max()} above, {-off.min()} below",
            flush=True,
        )


if __name__ == "__main__":
    main()
