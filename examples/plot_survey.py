"""
A survey with answers of several kinds
======================================

Answers to a survey are yes or no, marks on a scale, counts and amounts. Squared errors treat a vote
like a temperature; here every column gets the loss that suits it, and the fit puts them on a common scale.
The data are 944 voters of the American National Election Study of 1996, shipped with statsmodels.
"""

# %%
# The table
# ---------
# The types of a data frame say what its columns contain: booleans are yes/no answers, ordered categories are
# marks.
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
# ``fill`` returns a frame of the same kind: a missing vote becomes the more likely one, a missing mark the
# most likely mark. ``transform`` returns numbers; for yes/no columns, the probability of yes.
filled = model.fill(holes)
print(filled.head())

chance = model.transform(holes)[:, survey.columns.get_loc("votes Dole")]
asked = hidden[:, survey.columns.get_loc("votes Dole")]
voted = answers["vote"].to_numpy().astype(bool)
right = np.mean((chance > 0.5)[asked] == voted[asked])
most = max(np.mean(voted), 1 - np.mean(voted))
print(f"of {asked.sum()} hidden votes {right:.0%} are predicted correctly; the majority vote gets {most:.0%}")
assert right > most + 0.1

# %%
# Are the probabilities calibrated? Of the voters with a predicted probability of about p, a share of about p
# should have voted so.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
groups = np.array_split(np.argsort(chance[asked]), 6)
axes[0].plot([0, 1], [0, 1], color="0.7")
axes[0].plot(
    [chance[asked][g].mean() for g in groups], [voted[asked][g].mean() for g in groups], "o", color="C0"
)
axes[0].set(
    xlabel="predicted probability of a vote for Dole", ylabel="share that voted so", title="hidden votes"
)

place = survey.columns.get_loc("selfLR")
told = model.transform(holes)[:, place][hidden[:, place]] + 1
given = answers["selfLR"].to_numpy()[hidden[:, place]]
axes[1].boxplot([told[given == mark] for mark in range(1, 8)], widths=0.6)
axes[1].set(xlabel="own place, as answered", ylabel="as predicted", title="hidden places from left to right")
figure.tight_layout()
plt.show()
