"""
A survey with answers of several kinds
======================================

Answers to a survey are yes or no, marks on a scale, counts and amounts. Squared errors treat a vote
like a temperature; here every column gets the loss that suits it, and the fit makes them commensurate.
The data are 944 voters of the American National Election Study of 1996, which statsmodels ships.
"""

# %%
# The table
# ---------
# A data frame tells what its columns hold: booleans are yes and no, ordered categories are marks.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import statsmodels.api as sm

import lowland as ll

answers = sm.datasets.anes96.load_pandas().data
marks = {
    "selfLR": "own place from left to right",
    "ClinLR": "Clinton's place",
    "DoleLR": "Dole's place",
    "PID": "party, from Democrat to Republican",
    "educ": "education",
}
survey = pd.DataFrame(
    {
        "news": answers["TVnews"].astype(float),
        "age": answers["age"].astype(float),
        "income": answers["income"].astype(float),
        "votes Dole": answers["vote"].astype(bool).astype("boolean"),
        **{name: pd.Categorical(answers[name].astype(int), ordered=True) for name in marks},
    }
)
print(survey.dtypes)

# %%
# Every fifth answer goes missing.
rng = np.random.default_rng(0)
hidden = rng.random(survey.shape) < 0.2
holes = survey.copy()
for j, name in enumerate(survey.columns):
    holes.loc[hidden[:, j], name] = None

# %%
# The fit
# -------
# Days of television news are counts; the other losses are read off the frame. Rank and penalty are
# chosen by held-out answers.
model = ll.MatrixCompletion(loss={"news": "poisson"}, random_state=0).fit(holes)
print(f"rank {model.rank_}; {model.search_.message}")
print(model.certificate_["globally_optimal"])

# %%
# ``fill`` returns a frame of the same kind: a missing vote becomes the likelier one, a missing mark the
# likeliest mark. ``transform`` returns numbers, of yes and no the probability.
filled = model.fill(holes)
print(filled.head())

chance = model.transform(holes)[:, survey.columns.get_loc("votes Dole")]
asked = hidden[:, survey.columns.get_loc("votes Dole")]
voted = answers["vote"].to_numpy().astype(bool)
right = np.mean((chance > 0.5)[asked] == voted[asked])
most = max(np.mean(voted), 1 - np.mean(voted))
print(f"of {asked.sum()} hidden votes {right:.0%} are told rightly; the commoner vote alone tells {most:.0%}")
assert right > most + 0.1

# %%
# Are the probabilities honest? Of the voters that were given a chance of about p, a part of about p did
# vote so.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
groups = np.array_split(np.argsort(chance[asked]), 6)
axes[0].plot([0, 1], [0, 1], color="0.7")
axes[0].plot(
    [chance[asked][g].mean() for g in groups], [voted[asked][g].mean() for g in groups], "o", color="C0"
)
axes[0].set(xlabel="predicted chance of a vote for Dole", ylabel="part that voted so", title="hidden votes")

place = survey.columns.get_loc("selfLR")
told = model.transform(holes)[:, place][hidden[:, place]] + 1
given = answers["selfLR"].to_numpy()[hidden[:, place]]
axes[1].boxplot([told[given == mark] for mark in range(1, 8)], widths=0.6)
axes[1].set(xlabel="own place, as answered", ylabel="as predicted", title="hidden places from left to right")
figure.tight_layout()
plt.show()
