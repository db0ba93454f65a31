"""Plots of results: what they show is computed by the result, and drawn on axes by `plot`."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.displays",
    {
        "lowland.completion.sensitivity.display": ["SensitivityDisplay"],
        "lowland.dynamics.displays": ["PathsDisplay", "SurvivalDisplay"],
        "lowland.landscape.displays": [
            "CensusDisplay",
            "HessianSpectrumDisplay",
            "PlaneDisplay",
            "SectionDisplay",
        ],
        "lowland.networks.splines.additive_pages": ["ComponentDisplay"],
        "lowland.networks.regions.displays": [
            "ActivationDisplay",
            "LossesDisplay",
            "ShareDisplay",
        ],
        "lowland.networks.splines.displays": [
            "BoundaryRiskDisplay",
            "EdgeDisplay",
            "KnotsDisplay",
            "SplineDisplay",
        ],
        "lowland.report.displays": [
            "CalibrationDisplay",
            "ConvergenceDisplay",
            "PathDisplay",
            "PatternDisplay",
            "PredictionDisplay",
            "SpectrumDisplay",
        ],
        "lowland.report.matrix_display": ["MatrixDisplay"],
        "lowland.report.series_display": ["SeriesDisplay"],
        "lowland.tensors.residual_map": ["ResidualDisplay"],
        "lowland.tensors.displays": [
            "CoreDisplay",
            "FactorDisplay",
            "ModeSpectraDisplay",
        ],
    },
)
