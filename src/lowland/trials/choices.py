"""Every choice that hidden cells decide: what is hidden and compared, how sure a gain must be, and why.

The comment above each says what is chosen, what is hidden, what is compared, and why it must be so sure.
`docs/explanation/how-choices-are-made.md` shows all of it as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

from lowland.trials.gains import Gain, Rule
from lowland.trials.masks import Hiding


@final
@dataclass(frozen=True)
class Choice:
    """A choice between fits of the cells that are left, by what they say of hidden ones.

    Parameters
    ----------
    hides : Hiding
    rules : tuple of Rule
        One of which a gain must meet. None: nothing is chosen, only learnt or measured.
    first : Rule
        What a first look at one trial must show for more to be made.
    enough : Rule or None
        What trials so far must show for no more to be made: more could hardly take it away.
    """

    hides: Hiding
    rules: tuple[Rule, ...] = ()
    first: Rule = field(default_factory=Rule)
    enough: Rule | None = None

    def takes(self, gain: Gain) -> bool:
        """Return whether a gain is enough for what is new."""
        return any(rule.allows(gain) for rule in self.rules)


#: width of conformal intervals; errors on reports
#: hides: single cells
#: compares: errors with standard errors
#: why: new cells that are missing at random are exchangeable with them
INTERVALS = Choice(Hiding(0.1, most=20_000, nearest=True))

#: errors on reports of what comes later
#: hides: the latest cells, where it is known when each was observed
#: compares: errors
#: why: what is asked of a fit often comes after all that it has seen
LATEST = Choice(Hiding(0.1, nearest=True))

#: width of conformal intervals in gaps
#: hides: gaps of other lines, which keep half
#: compares: errors with standard errors, until 500 cells are hidden
#: why: errors within a gap go together, so that one gap says little
GAP_INTERVALS = Choice(Hiding(0.1, times=10))

#: priors and noise of grades
#: hides: single cells
#: compares: errors with the variances of predictions
#: why: mean-field sweeps take rows and columns for better known than they are
PRIORS = Choice(Hiding(0.05, most=3_000))

#: probabilities of levels, where rows are not draws from one Gaussian
#: hides: single cells of columns of levels
#: compares: levels with predictions in numbers
#: why: a logistic map is learnt from them, and rare levels need many; of a Gaussian all known levels speak
LEVELS = Choice(Hiding(0.25, times=2))

#: order of rows or columns that nobody asked for
#: hides: gaps of other lines, or half as many single cells
#: compares: absolute errors, and shares of squared ones, of each length and strength
#: why: the best of several useless orders is some two standard errors better than none
ORDERS = Choice(
    Hiding(0.15, times=2),
    (Rule(share=0.03, standard_errors=3), Rule(share=0.15, standard_errors=2)),
    first=Rule(share=0.03),
)

#: order of rows or columns that was asked for
#: hides: gaps of other lines, or half as many single cells
#: compares: absolute errors, and shares of squared ones, of each length and strength
#: why: who asks expects a gain, however small, but no accident
ASKED_ORDERS = Choice(ORDERS.hides, (Rule(share=0, standard_errors=3), Rule(share=0.15, standard_errors=2)))

#: graph of rows or columns of a large table
#: hides: single cells
#: compares: absolute errors of one length and strength
#: why: who gives a graph expects a gain, however small, but no accident; large tables lack single cells
LARGE_GRAPHS = Choice(Hiding(0.1, most=20_000), (Rule(share=0, standard_errors=3),))

#: skewed columns, and shares, as roots or logarithms, in tables of few columns
#: hides: each cell by itself, predicted from the others of its row by a fit that leaves out the row
#: compares: log densities, and absolute errors in units of columns
#: why: all known cells speak, where hidden ones are few; errors may be larger by chance alone
POWERS_OF_ROWS = Choice(
    Hiding(1.0),
    (
        Rule(errors=Rule(standard_errors=2)),
        Rule(standard_errors=2, errors=Rule(standard_errors=-1)),
        Rule(standard_errors=9, errors=Rule(difference=-0.01)),
    ),
)

#: skewed columns, and shares, as roots or logarithms, in other tables
#: hides: single cells of these columns; once from 30,000 cells on
#: compares: log densities, and absolute errors in units of columns
#: why: intervals that follow the skewness are worth errors that hardly grow
POWERS = Choice(
    Hiding(0.1, times=3),
    (
        Rule(errors=Rule(standard_errors=2)),
        Rule(standard_errors=3, errors=Rule(standard_errors=-1)),
        Rule(standard_errors=9, errors=Rule(difference=-0.01)),
    ),
    first=Rule(standard_errors=-1),
    enough=Rule(standard_errors=5, errors=Rule(standard_errors=3)),
)

#: columns that are clearly skewed by themselves, as roots or logarithms, where few cells can be hidden
#: hides: as for powers, where that hides fewer than 200
#: compares: log densities, and absolute errors in units of columns
#: why: the likelihood of the known cells speaks, too; what is hidden need only not speak against it
CLEARLY_SKEWED = Choice(POWERS.hides, (Rule(standard_errors=1, errors=Rule(standard_errors=-1)),))

#: units of rows, where these look like variables
#: hides: single cells; once from 30,000 cells on
#: compares: errors over themselves plus the spread of row and column, and errors in units of columns
#: why: a fill far outside is as bad as one further out; large rows, which rule columns, must hardly lose
ROW_UNITS = Choice(
    Hiding(0.1, times=3),
    (
        Rule(standard_errors=3, difference=0.02, errors=Rule(share=-0.2)),
        Rule(standard_errors=2, errors=Rule(share=0.3)),
    ),
    first=Rule(difference=0),
)

#: pattern of known cells as a feature of grades
#: hides: single cells
#: compares: root mean squares of errors of 4 factors
#: why: the trial shows the sign of what the whole fit gains
PATTERN = Choice(PRIORS.hides, (Rule(share=0),))

#: ridge of the pattern, other than the usual one
#: hides: single cells
#: compares: root mean squares of errors of 4 factors
#: why: the trial shows about a third of what the whole fit gains
OTHER_RIDGE = Choice(PRIORS.hides, (Rule(share=0.003),))

#: drift of errors along time, or another context of cells
#: hides: single cells whose time is known; once from 20,000 cells on
#: compares: squared errors in units of columns: of rows, columns or all; the best, then what is left
#: why: a law has five variances, which gain by chance; below 4,000 cells each half is judged by the other's
DRIFT = Choice(Hiding(0.1, times=3), (Rule(share=0.001, standard_errors=3),))

#: forests on top of a table's fit
#: hides: as cells are missing, in the gaps of other rows or one by one
#: compares: squared errors, with weights by column from the same cells
#: why: tables without curves stay as they are; few trees show less of a gain than forests have
FORESTS = Choice(
    Hiding(0.1, times=3), (Rule(share=0.005, standard_errors=1),), first=Rule(standard_errors=-1)
)

#: curves of rows along the columns
#: hides: as for forests, and 5% one by one
#: compares: squared errors in units of the kind of cell; thrice the gain along permuted columns too
#: why: rows have levels of their own along any order
CURVES = Choice(FORESTS.hides, (Rule(share=0.02),))

#: larger rank or lower penalty of method map
#: hides: single cells
#: compares: squared errors, or deviances, along a path
#: why: the simplest fit about as good as the best predicts as well; searches do not end at one point
PENALTIES = Choice(INTERVALS.hides, (Rule(share=0.001, standard_errors=1),))

#: penalty of a fit in which cells that are not listed count
#: hides: single listed cells
#: compares: gains of lists of ten columns, row by row, along a path
#: why: what lists are for; the simplest fit about as good as the best is more often proved to be the optimum
LISTS = Choice(Hiding(0.2), (Rule(standard_errors=1),))

#: end of such a path, or of a fit on it
#: hides: single cells
#: compares: the best fit with the last two or three, with the last one, and with where a fit is heading
#: why: fits far beyond the best are the slowest of a path, and would not be chosen
PATH_ENDS = Choice(
    PENALTIES.hides,
    (Rule(standard_errors=2), Rule(standard_errors=4), Rule(share=0.001, standard_errors=2)),
)

#: larger ranks of a Tucker decomposition
#: hides: single cells, every slice keeping half
#: compares: squared errors
#: why: the path ends where no larger ranks gain beyond chance
TUCKER_RANKS = Choice(Hiding(0.1, nearest=True), (Rule(share=0.001, standard_errors=1),))

#: error of a Tucker decomposition at new cells, where few are known
#: hides: single cells, every slice keeping half
#: compares: squared errors of fits that go on without them; of many cells a tenth is hidden
#: why: without a tenth of few cells the model predicts noticeably worse
FEW_CELLS_ERROR = Choice(replace(TUCKER_RANKS.hides, share=0.03))

#: order of a tensor's mode
#: hides: as cells are missing: single ones, fibres, and slices of modes in order
#: compares: absolute errors, and shares of root mean squares, of each length and strength
#: why: several orders are compared
MODE_ORDERS = Choice(Hiding(0.1, most=20_000), (Rule(share=0.01, standard_errors=2.5),))

#: number of components of averages over CP
#: hides: as for orders of modes
#: compares: root mean squares of errors, of the blend with a table's where that surely lowers them
#: why: of twice the components; chains are noisy, and a far number is looked at even so
CP_RANKS = Choice(MODE_ORDERS.hides, (Rule(share=0.005),))

#: start of averages over CP from least squares
#: hides: as for orders of modes
#: compares: root mean squares of errors, those of numbers of components
#: why: chains are noisy
LEAST_SQUARES_START = Choice(MODE_ORDERS.hides, (Rule(share=0.01),))

#: noise by slices of a mode, and the next ranks with it
#: hides: as for orders of modes
#: compares: log densities, and root mean squares of errors
#: why: drawn anew, as the best of many ranks is lucky on the cells that chose it
SLICE_NOISE = Choice(
    MODE_ORDERS.hides,
    (
        Rule(standard_errors=2.5, errors=Rule(share=-0.01)),
        Rule(standard_errors=2.5, difference=0.3, errors=Rule(share=-0.1)),
    ),
)

#: blend of CP with a table of the same cells
#: hides: as for orders of modes, and slices of every mode with missing ones
#: compares: squared errors, and shares of root mean squares; each trial with the others' weight
#: why: the cells that choose ranks choose among short fits of each mode's table, and must show the same gain
BLENDS = Choice(replace(MODE_ORDERS.hides, times=2), (Rule(share=0.01, standard_errors=2.5),))

#: Tucker of what averages fill, not of known cells alone
#: hides: as for blends
#: compares: root mean squares of errors
#: why: certificates are then about what averages fill, not about the known cells
FILLED_TUCKER = Choice(BLENDS.hides, (Rule(share=0.01),))

#: numbers of splines of smooth factors
#: hides: as for orders of modes
#: compares: sums of squared errors, from the smoothest on; none by the same
#: why: smoothness was asked for; a mode that none fits better stays free
SPLINES = Choice(replace(MODE_ORDERS.hides, times=3), (Rule(share=0),))

#: settings that a search over scores compares
#: hides: known cells of other rows, each once
#: compares: root mean squares of errors
#: why: cells that are the same for all settings compare these
SCORE = Choice(Hiding(0.2, times=5))

#: number of knots of a spline; inputs of a sum of splines
#: hides: folds of the points, each once
#: compares: squared errors, of more knots with fewer
#: why: the fewest knots about as good as the best predict as well
KNOTS = Choice(Hiding(0.1, times=10), (Rule(standard_errors=1),))
