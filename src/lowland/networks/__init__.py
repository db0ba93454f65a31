"""ReLU networks: activation regions and their minima, and the minima that large steps select."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.networks",
    {
        "lowland.networks.curvature.rescaling": ["FlattestRescaling", "flattest_rescaling"],
        "lowland.networks.curvature.sharpness": ["SharpnessEstimate", "sharpness"],
        "lowland.networks.curvature.trace": ["SharpnessTrace"],
        "lowland.networks.linear_spline": ["LinearSpline"],
        "lowland.networks.minima_path": ["Minimum"],
        "lowland.networks.model": ["Relu"],
        "lowland.networks.network": ["ReluNetwork"],
        "lowland.networks.objective": ["ReluObjective"],
        "lowland.networks.pattern_bounds": ["pattern_share_bound", "sufficient_width"],
        "lowland.networks.pattern_enumeration": ["count_patterns", "neuron_patterns"],
        "lowland.networks.pattern_shares": ["WidthAdvice", "advise_width"],
        "lowland.networks.pattern_volumes": ["full_pattern_bound", "full_pattern_volume"],
        "lowland.networks.reading": ["read_network"],
        "lowland.networks.region_program": ["RegionOptimum"],
        "lowland.networks.region_survey": ["RegionSurvey", "survey_regions"],
        "lowland.networks.region_trace": ["RegionTrace"],
        "lowland.networks.regions": ["RegionReport", "region_report"],
        "lowland.networks.search": ["PatternWalk"],
        "lowland.networks.stability": ["StabilityReport", "stability_report"],
        "lowland.networks.stable_fit": ["StableFit", "fit_stable"],
        "lowland.networks.variation": ["variation_weight"],
    },
)
