"""lowland: low-rank matrices from incomplete or indirect measurements, with a certificate.

Names load when first used, so that ``import lowland`` stays fast.
"""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland",
    {
        "lowland.core.observations": ["Observations"],
        "lowland.core.tensor_observations": ["TensorObservations"],
        "lowland.core.tensors": ["TuckerTensor"],
        "lowland.core.records": ["Factors", "SearchResult"],
        "lowland.core.findings": ["Certificate", "Finding"],
        "lowland.core.status": ["Rigour", "StopReason", "Verdict"],
        "lowland.core.errors": ["LowlandError"],
        "lowland.measure": [
            "Dense",
            "Entries",
            "Fourier",
            "Linear",
            "Pauli",
            "RankOne",
            "Stacked",
            "blind_deconvolution",
            "coded_diffraction",
            "gaussian",
            "pauli_outcomes",
        ],
        "lowland.certify": ["certify"],
        "lowland.core.dynamics": ["NonReversible", "Overdamped", "Underdamped"],
        "lowland.core.exits": ["Ball", "HalfSpace"],
        "lowland.objectives.closed_forms": ["potential"],
        "lowland.objectives.potentials": ["Potential"],
        "lowland.landscape": [
            "Census",
            "EscapeStudy",
            "LangevinSample",
            "SplittingStudy",
            "Suggestion",
            "advise_dynamics",
            "cut",
            "cut_plane",
            "find_path",
            "hessian_spectrum",
            "kramers_time",
            "optimal_antisymmetric",
            "paired_antisymmetric",
        ],
        "lowland.systems.census": ["census"],
        "lowland.systems.escape": ["escape_times"],
        "lowland.systems.langevin": ["sample_langevin", "split_escape"],
        "lowland.systems.intervals": ["Intervals"],
        "lowland.systems.matrix": ["certify_matrix", "recover"],
        "lowland.systems.recovery": ["Recovery"],
        "lowland.systems.tomography": ["StateEstimate", "estimate_state"],
        "lowland.systems.tucker": ["decompose_tucker"],
        "lowland.systems.tucker_fit": ["TuckerFit"],
        "lowland.systems.determinacy": ["Determinacy", "diagnose"],
        "lowland.estimators": ["MatrixCompletion", "MatrixSensing", "TuckerDecomposition"],
        "lowland.files": ["Covariates", "read_covariates", "read_sql", "read_table"],
    },
)
