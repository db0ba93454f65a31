"""The claims that can be judged, and what each says."""

CLAIMS = {
    "covered": "at least the stated share of the missing cells lie in their intervals",
    "alike": "cells are missing as those were held out that stand for them",
    "better_than": "held-out cells are predicted better than by means and interpolation",
    "settled": "chance of the search hardly moves filled cells, compared with their standard errors",
    "stationary": "the gradient vanishes",
    "second_order_stationary": "the gradient vanishes and no direction has negative curvature",
    "strict_local_minimum": "every direction that changes the matrix has positive curvature",
    "local_minimum": "no nearby point has a lower objective, to any order",
    "globally_optimal": "no point of the problem as posed has a lower objective",
    "convex_optimal": "no matrix of any rank has a lower objective in the convex problem",
    "locally_unique": "no other nearby matrix of this rank has the same predictions",
    "determined_by_data": "only finitely many matrices of this rank fit such data",
    "uniquely_determined": "only one matrix of this rank fits the data",
    "components_determined": "only finitely many sets of components of this number fit such data",
    "unique_decomposition": "no other components of this number add up to the fitted tensor",
    "no_bad_minimum_in_region": "every differentiable local minimum of the activation region has zero loss",
    "stable_at_step_size": "gradient descent with this step size does not leave the point",
    "no_false_minimum": "every local minimum of the problem is a global one, under a premise",
    "saddles_curved": "at every other stationary point the curvature is at most the value, under a premise",
    "error_bounded": "the distance to the true matrix is at most the value, under a premise",
}

# those about missing cells, which an audit decides
AUDITED = ("covered", "alike", "better_than")

# those about missing cells and what fills them, not about an optimum
OF_CELLS = (*AUDITED, "settled")
