"""ReLU networks: activation regions and their minima, and the minima that large steps select."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.networks",
    {
        "lowland.networks.curvature.rescaling": ["FlattestRescaling", "flattest_rescaling"],
        "lowland.networks.curvature.sharpness": ["SharpnessEstimate", "sharpness"],
        "lowland.networks.curvature.trace": ["SharpnessTrace"],
        "lowland.networks.splines.hyperplanes": ["WeightedVariation", "weighted_variation"],
        "lowland.networks.splines.linear_spline": ["LinearSpline"],
        "lowland.networks.splines.minima_path": ["Minimum"],
        "lowland.networks.regions.model": ["Relu"],
        "lowland.networks.network": ["ReluNetwork"],
        "lowland.networks.regions.objective": ["ReluObjective"],
        "lowland.networks.regions.pattern_bounds": ["pattern_share_bound", "binary_pattern_width"],
        "lowland.networks.regions.patterns": ["count_patterns", "neuron_patterns"],
        "lowland.networks.regions.pattern_shares": ["WidthAdvice", "advise_width"],
        "lowland.networks.regions.pattern_volumes": ["full_pattern_bound", "full_pattern_volume"],
        "lowland.networks.reading": ["read_network"],
        "lowland.networks.regions.program": ["RegionOptimum"],
        "lowland.networks.regions.survey": ["RegionSurvey", "survey_regions"],
        "lowland.networks.regions.trace": ["RegionTrace"],
        "lowland.networks.regions.report": ["RegionReport", "region_report"],
        "lowland.networks.search": ["PatternWalk"],
        "lowland.networks.splines.stability": ["StabilityReport", "stability_report"],
        "lowland.networks.splines.stable_fit": ["StableFit", "fit_stable"],
        "lowland.networks.splines.variation": ["variation_weight"],
    },
)
