"""Langevin dynamics: exit times from basins, sampling, and the choice of dynamics."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.dynamics",
    {
        "lowland.dynamics.laws": ["NonReversible", "Overdamped", "Underdamped"],
        "lowland.dynamics.exit_sets": ["Ball", "HalfSpace"],
        "lowland.dynamics.closed_forms": ["potential"],
        "lowland.dynamics.potentials": ["Potential"],
        "lowland.dynamics.advice": ["Suggestion", "advise_dynamics"],
        "lowland.dynamics.antisymmetric": ["drift_rate", "optimal_antisymmetric", "paired_antisymmetric"],
        "lowland.dynamics.exits.backward_equation": ["BackwardSolution", "solve_backward"],
        "lowland.dynamics.circulation": ["with_circulation"],
        "lowland.dynamics.exits.exit_simulation": ["EscapeStudy"],
        "lowland.dynamics.exits.dichotomy": ["DichotomyStudy", "escape_dichotomy", "well_dichotomy"],
        "lowland.dynamics.exits.escape": ["escape_times"],
        "lowland.dynamics.exits.hitting": ["HittingStudy", "hitting_probability"],
        "lowland.dynamics.exits.kramers": ["kramers_time", "unstable_rate"],
        "lowland.dynamics.mixing": [
            "SamplingAdvice",
            "advise_sampling",
            "gaussian_distance",
            "mixing_distance",
        ],
        "lowland.dynamics.one_dimension": ["invariant_mean", "mean_exit_time"],
        "lowland.dynamics.quadratic_wells": ["LinearStep", "linear_step", "stable_step"],
        "lowland.dynamics.recurrence": ["decay_bound", "decay_norm", "recurrence_time"],
        "lowland.dynamics.sample": ["sample_langevin", "split_escape"],
        "lowland.dynamics.sampling": ["LangevinSample"],
        "lowland.dynamics.exits.splitting": ["SplittingStudy"],
        "lowland.dynamics.exits.survival": ["MeanTime", "kaplan_meier"],
    },
)
