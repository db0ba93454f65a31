"""The one table of the sentences of findings and of their assumptions: texts by code, with named numbers.

A sentence is one phrase or several (`reasons.py`). Whole numbers have no format; `:lines` is a pair such as
"3 rows and 2 columns", `:times` and `:listed` are modes, `:word` is a name.
"""

from __future__ import annotations

SENTENCES = {
    # of any claim
    "overflow": "values overflow the float64 range",
    "not_converged_in_lapack": "a factorisation did not converge",
    "adjoint_disagrees": "the measurement and its adjoint disagree by {apart:.2g} in a dot test",
    "in_single": "the measurement computes in single precision, whatever it is given",
    "gradient_disagrees": "the gradient and finite differences of the objective disagree by {apart:.2g}",
    "out_of_scale": "the {part:word} are out of scale: largest magnitude {largest:.3g}",
    "constrained": "not judged under constraints on factors",
    "infeasible": "a factor breaks its constraints",
    "against": "inconclusive because it contradicts the finding on {claim:word}",
    "against_but_for": "inconclusive because it contradicts the finding on {claim:word}: ",
    "rounding_unbounded": "not all rounding is bounded here, so that this is no proof",
    # gradients and curvatures
    "gradient": "norm of the gradient, relative to its norm for the unfitted residuals",
    "not_stationary": "the gradient is not zero to within the tolerance",
    "all_curvatures": "smallest eigenvalue of the full Hessian, with the gauge deflated",
    "factored_curvature": "smallest eigenvalue by Cholesky factorisation and inverse iteration, with the "
    "gauge deflated",
    "iterated_curvature": "smallest eigenvalue of the Hessian by Lanczos iteration, with the gauge deflated",
    "reduced_curvature": "smallest eigenvalue by Lanczos iteration of the Hessian of one side, with the "
    "other side eliminated",
    "not_converged": ": not converged within the budget",
    "uneven": "positive curvature, but a step could still lower the objective",
    "no_direction": "every direction leaves the matrix unchanged",
    "products_cost": "Hessian products are too expensive for the budget",
    # gaps, and the bounds on norms that they rest on
    "gap": "gap to a lower bound, as a fraction of the objective: ",
    "never_negative": "losses and penalties are never negative",
    "strongly_convex": "the data term is strongly convex, and no matrix of this rank is closer to its "
    "minimum",
    "slopes_moved": "conjugate of the loss at the slopes of the point, made feasible by moving them towards "
    "1",
    "conjugates": "conjugates of the losses at the slopes of the point",
    "shifted_dual": "shifted along A* nu0 >= I",
    "zeros": "a matrix of zeros",
    "cholesky": "shifted Cholesky, rounding included",
    "row_and_column_sums": "row and column sums",
    "absolute_row_sums": "absolute row sums",
    "sum_of_squares": "sum of squares",
    "lanczos": "{steps} Lanczos steps from a random start, failing with probability at most 1e-10",
    "lanczos_estimate": "{steps} Lanczos steps, which give a lower bound only",
    "size_unbounded": "an objective of this size cannot be bounded in float64",
    "gap_unrepresentable": "the gap cannot be represented in float64",
    "bound_exceeds": "the lower bound exceeds the objective: one of them is wrong, so no claim is made",
    # better points, and exact fits
    "rank_one_added": "adding one rank-one matrix lowers the convex objective by this fraction",
    "another_point": "another feasible point, found ",
    "along_curvature": "along a direction of negative curvature",
    "truncated": "by truncating the matrix that refutes convex optimality",
    "from_nearby": "by descent from a nearby point",
    "from_random": "by descent from a random point",
    "in_witness": "in the witness of {claim:word}",
    "is_lower": ", has an objective lower by this fraction",
    "exact_by_bound": "within {half:.3g} of the optimum, which is half a unit in the last place of every "
    "datum: the objective is at most {upper:.3g}, and no objective is negative",
    "exact_to_digits": "every datum is reproduced to {places:.2g} units in the last place (root mean "
    "square), and no objective is negative",
    # whether data determine the matrix
    "every_cell": "every cell is observed",
    "block": "every row and column follows from a complete block of {rows} x {columns} cells by linear "
    "equations",
    "connected": "rank one, no observed value is zero, and observed cells connect all rows and columns",
    "full_rank": "full rank of the Jacobian modulo a prime",
    "core": "full rank modulo a prime of a core of {rows} rows and {columns} columns, from which all others "
    "follow by linear equations",
    "every_matrix": "the measurements determine every matrix, low-rank or not: full rank modulo a prime",
    "few_cells": "{size} cells for {freedom} degrees of freedom",
    "few_measurements": "{size} measurements for {freedom} degrees of freedom",
    "deficient": "the Jacobian has rank {rank} of {freedom} modulo two primes",
    "short_lines": "{lines:lines} with fewer observations than unknowns of their own",
    "unseen_lines": "{lines:lines} not involved in any measurement",
    "reach": "{share:.1%} of the cells are determined for generic values, {lines:lines} are not reached",
    "unique_reach": "{share:.1%} of the cells are unique for generic values, {lines:lines} are not reached",
    "last_digits": "full rank modulo a prime depends on the last digits of the measuring matrices: in "
    "floating point the smallest singular value is negligible",
    "no_jacobian": "no exact Jacobian is available for these measurements",
    "over_limit": "an exact Jacobian of {unknowns} unknowns exceeds the limit of {limit}",
    "over_budget": "an exact Jacobian of {unknowns} unknowns exceeds the budget",
    "rank_over_budget": "the exact rank for {unknowns} unknowns and {cells} cells exceeds the budget, and "
    "no determined core was found",
    "no_core": "no determined core was found",
    "several_completions": "uniqueness is undecided: there may be several completions",
    "several_solutions": "uniqueness is undecided: there may be several solutions",
    "two_answers": "two matrices of this rank, {share:.2g} of the norm apart, both reproduce every datum",
    # whether other matrices are nearby
    "isolated": "no other such matrix within {radius:.3g}",
    "of_the_norm": ", {share:.2%} of the Frobenius norm of this one",
    "tangent_space": "smallest singular value on the tangent space by shifted Cholesky, rounding included",
    "all_values": "all singular values of the Jacobian at the point, with the gauge deflated",
    "some_values": "smallest singular values of the Jacobian at the point by Lanczos iteration, with the "
    "gauge deflated",
    "reduced_values": "lower bound: smallest eigenvalue by Lanczos iteration of the Jacobian's Gram matrix "
    "of one side, with the other side eliminated",
    "unseen": "{count} directions at the point leave the measurements unchanged to first order",
    "unseen_at_least": "at least {count} directions at the point leave the measurements unchanged to first "
    "order",
    "constant_rank": "the Jacobian has rank {rank} here and almost everywhere, {lost} less than the degrees "
    "of freedom: the matrices with the same predictions form a manifold",
    "unmeasured": "a row or column of the matrix is not measured at all, so it can be arbitrary",
    "open_line": "{side:word} {line} is exactly underdetermined by its observed cells for a fixed other "
    "factor",
    "attached": "one of them, at a distance of {distance:.2g} of the norm, is attached",
    "jacobian_cost": "the Jacobian at the point exceeds the budget",
    "values_cost": "the smallest singular values of the Jacobian did not converge within the budget",
    "no_values": "the Jacobian at the point is zero or not finite",
    # tensors
    "objective_overflow": "the objective overflows float64",
    "every_cell_known": "every cell is known",
    "few_known_cells": "{size} known cells for {freedom} degrees of freedom",
    "some_cells": "{cells} of the cells do not show full rank, and using all exceeds the budget",
    "several_tensors": "finitely many solutions may still be more than one",
    "flattening": "gap to the singular values beyond the rank of the flattening with modes ({modes:times}) "
    "as rows",
    "no_bound": "no bound on the best fit is known when cells are missing or weighted",
    "unused_columns": "rank-one parts of the residual through unused columns, after gradient and Hessian",
    "modes_cost": ": the budget ended before all sets of modes were checked",
    "no_escape": ": none found, and the curvature is not positive",
    "saddle": "a saddle of order {order}: the objective decreases along a rank-one change, new in modes "
    "({modes:listed}), which the Hessian cannot see",
    "objective_zero": "the objective is zero",
    "kruskal": "the k-ranks of the factors add up to at least {sum}, where Kruskal's condition asks for "
    "{needed}",
    "clear_of_rounding": "the product of their margins, for the smallest component, is {times:.2g} times the "
    "rounding of the sum",
    "hidden_component": "component {component} is so small that rounding of the sum could remove it",
    "hidden_pair": "components {pair:listed} are so alike that rounding of the sum could exchange them for "
    "others",
    "near_rounding": "components are so small or so nearly dependent that rounding of the sum is not "
    "shown to leave them as they are",
    "one_component": "one component, which is not zero",
    "zero_component": "a component is zero, so that another can be split in two",
    "mixed": "two components have parallel columns in all modes but two, and can be mixed there",
    "held_components": "components could be mixed or split, if it were not for the constraints on factors",
    # activation regions
    "region_kink": "a neuron is at its kink on a data point, so the network lies on a boundary of regions",
    "region_full": "the Jacobian has rank {rank}, the number of data points, by exact elimination",
    "region_deficient": "the Jacobian has rank {rank} for {points} data points",
    "zero_loss": ", but the best loss in the region counts as zero (at most 1e-9 of that of zero outputs), "
    "and within a region the loss is convex",
    "repeated_inputs": ", but inputs repeat with different targets, and no function has a loss below "
    "{loss:.3g}",
    "minimum_inside": ", and a minimum of loss {loss:.3g} lies inside the region, by bounds on where the "
    "gradient vanishes",
    "on_boundary": ", but numerically the region has no minimum: its best loss, {loss:.3g}, is attained "
    "only on the boundary",
    "near_boundary": ", and the best loss, {loss:.3g}, is attained too near the boundary to decide",
    # stability
    "no_hessian": "a neuron is at its kink on a data point, where the loss has no Hessian",
    "above_limit": "the largest eigenvalue of the Hessian exceeds 2 over the step",
    "near_limit": "the largest eigenvalue is too near the limit, given its error bound",
    "moving": "below the edge of stability, but the gradient is not small: the point is not stationary",
    "idle_saddle": "a saddle: stationary, but a neuron with zero output weight could lower the loss",
    "stable": "a stationary point with all eigenvalues of the Hessian between 0 and the limit",
    "only_bounded": "stationary, but with so many parameters the smallest eigenvalue is only bounded",
    "unclear": "not close enough to a stationary point to tell a minimum from a saddle",
    # what an audit shows of filled cells
    "covered": "{inside} of {held} cells held out of a fit of all else lie in its {level:.0%} intervals",
    "covered_wider": "{inside} of {held} cells held out of a fit of all else lie in its {level:.0%} "
    "intervals made {factor:.4g} times as wide",
    "stand_for": ", and they stand for {missing} missing cells",
    "of_kind": "of {missing} missing {kind:word} at least {share:.1%} lie in intervals as they are, by "
    "{inside} of {held} held out",
    "of_rows": "of {missing} missing cells in {kind:word} rows at least {share:.1%} lie in intervals as they "
    "are, by {inside} of {held} held out",
    "surely_better": "off by {error:.3g} spreads of columns where {name:word} are off by {other:.3g}, "
    "surely more",
    "surely_worse": "off by {error:.3g} spreads of columns where {name:word} are off by {other:.3g}, "
    "surely less",
    "not_told_apart": "off by {error:.3g} spreads of columns where {name:word} are off by {other:.3g}, which "
    "are not told apart",
    "left_rows": "{count} other missing cells are in rows without known cells",
    "left_columns": "{count} other missing cells are in columns without known cells",
    "left_censored": "{count} other missing cells are in columns with censored cells",
    "left_odds": "{count} other missing cells are likelier to be missing than most that are known",
    "left_runs": "{count} other missing cells are in longer runs than known cells can stand for",
    "left_other": "{count} other missing cells are marked: the data say nothing of them",
    "left_few": "{count} other missing cells are in columns that lack few",
    "left_few_slices": "{count} other missing cells are in slices that lack few",
    "left_slices": "{count} other missing cells are in slices without known cells",
    "own_narrow": "at most {share:.1%} of the missing cells lie in intervals that should hold {level:.0%}",
    "too_few_held": "so few cells prove no more",
    "none_missing": "no cell is missing",
    "few_to_hold_out": "too few cells are known to hold some out",
    "not_alike": "missing cells differ from all known ones that could be held out, by their pattern alone",
    "unlike": "the missing cells differ from those held out for them: p = {chance:.2g} of a permutation test",
    "not_unlike": "no sign that missing cells differ from those held out: p = {chance:.2g} of a permutation "
    "test",
    "no_intervals": "the fit has no intervals",
    "audit_failed": "the fit without the held-out cells failed",
    "not_in_memory": "the cells are on the disk, or too many to list, so that none are held out",
    "choices_unknown": "what was chosen for the fit may have seen any cell, so that none can be held out now",
    # whether filled cells have settled
    "chance_moves": "chance moves {share:.1%} of {cells} filled cells that were looked at by less than a "
    "twentieth of their standard error",
    "start_moves": "another start moves {share:.1%} of {cells} filled cells that were looked at by less than "
    "a twentieth of their standard error",
    "halves_apart": "the two halves of the chain do not tell the same yet",
    "draws_would_do": "about {needed} draws instead of {given} would do for 99 % of them",
    "trees_would_do": "about {needed} trees instead of {given} would do for 99 % of them",
    "chance_alone": "this is about the chance of the search alone",
    "draws_not_kept": "the draws that were averaged were not kept",
    "few_draws": "so few draws do not say how far they are apart",
    "starts_not_compared": "there are no draws, and no other start was compared",
    "some_columns_alone": "columns that some of the others predict are no averages over draws",
    "too_large_to_look": "the table is too large for some missing cells to be drawn from its pattern",
    # what follows from a premise
    "no_false_minimum": "no false minimum below delta = 1/2, for data of at most the rank of the factor",
    "no_false_minimum_wide": "no false minimum below delta = {limit:g}, for data of at most rank {truth} and "
    "a factor of {rank} columns",
    "by_zhang": ": Zhang (2021), of real matrices U U^T",
    "by_page_hermitian": ": proved on the page on the premise, of complex matrices U U^H",
    "by_page_general": ": proved on the page on the premise, of matrices U V^H without a balancing term",
    "by_ge": ": after Ge, Jin and Zheng (2017), of matrices U U^H",
    "saddles": "the Hessian along the difference to the factor of the truth, -2 (sqrt 2 - 1) (1 - 5 delta) "
    "times its smallest singular value over the scale",
    "residual_and_noise": "the residual and the noise, over the least that the measurements leave of a "
    "difference",
    "exact_data_only": "known for exact data of matrices U U^H or U V^H, squared loss, no weights, no "
    "penalty, no biases, no constraint",
    "unbalanced_saddles": "no such bound holds for U V^H: where one factor is long and the other short, "
    "saddles are as flat as one likes",
    "real_parts_only": "the premise is about complex numbers, of which only the real parts are data",
    "premise_rank": "needs restricted isometry over matrices of rank {twice}, of the premise: {rank}",
    "premise_delta": "needs delta below {limit:g}, of the premise: {delta!r}",
    "flat_truth": "the smallest singular value of the truth may be zero, of which nothing follows",
}
ASSUMPTIONS = {
    "counts_as_zero": "residuals of up to {places:g} units in the last place (root mean square) and "
    "{share:g} of a datum count as zero",
    "share_counts_as_zero": "residuals of up to {share:g} of a datum count as zero",
    "generic": "generic values of the factors (all but a set of measure zero)",
    "usual_primes": "two primes that are not exceptional",
    "null_set": "the point lies outside a set of volume zero of its region",
    "small_slopes": "slopes of up to {share:g} of the largest that such residuals could give count as zero",
    "small_residuals": "residuals of up to {share:g} of the values count as zero",
    "small_curvatures": "negative curvatures of up to {share:g} of the largest count as zero",
    "live_outputs": "no output weight becomes zero",
    "isometry": "(1 - {delta!r}) |X|^2 <= {scale!r} |A(X)|^2 <= (1 + {delta!r}) |X|^2 for all {field}X of "
    "rank at most {rank}",
    "exact_measurements": "the data are exact measurements of a {kind}matrix of rank at most {rank}",
    "equal_odds": "cells are missing independently of each other and of their values, with equal odds in all "
    "columns that lack some",
    "equal_odds_slices": "cells are missing independently of each other and of their values, with equal odds "
    "in all slices that lack some",
    "odds_right": "cells are missing independently of each other and of their values, with the odds that the "
    "pattern shows, up to a factor of {gamma:g}",
    "audit_unseen": "the audit's fit saw no held-out cell",
    "noisy_measurements": "the data are measurements of a {kind}matrix of rank at most {rank}, with errors "
    "of norm at most {noise!r}",
}
# how certificates of earlier versions say the same
EARLIER = {
    "constrained": "not judged under nonnegativity constraints",
    "infeasible": "a factor is negative",
    "exact_data_only": "known for exact data of real positive semidefinite matrices, squared loss, no "
    "weights, no penalty",
}
