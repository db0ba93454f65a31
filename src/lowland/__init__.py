"""lowland: low-rank matrices from incomplete or indirect measurements, with a certificate.

Names load when first used, so that ``import lowland`` stays fast. What fewer people need is in
`lowland.tensors`, `lowland.dynamics`, `lowland.networks`, `lowland.landscape` and, imported by its name,
`lowland.dask`. Public is what the reference lists, under the name that it lists; all other modules are
internal and may change.
"""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland",
    {
        "lowland.core.observations": ["Observations"],
        "lowland.completion.stored_observations": ["StoredObservations"],
        "lowland.completion.pooling": ["PooledEstimate", "pool_estimates"],
        "lowland.core.records": ["Factors", "SearchResult"],
        "lowland.core.findings": ["Certificate", "Finding"],
        "lowland.core.status": ["Rigour", "StopReason", "Verdict"],
        "lowland.core.verification": ["Check", "Outcome", "Verification"],
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
        "lowland.judges": ["certify"],
        "lowland.sensing.census": ["census"],
        "lowland.sensing.determinacy": ["Determinacy", "diagnose"],
        "lowland.sensing.intervals": ["Intervals"],
        "lowland.sensing.isometry": ["Isometry", "restricted_isometry"],
        "lowland.sensing.premise": ["Premise", "PremiseError"],
        "lowland.sensing.recover": ["certify_matrix", "recover"],
        "lowland.sensing.recovery": ["Recovery"],
        "lowland.sensing.tomography": ["StateEstimate", "estimate_state"],
        "lowland.tensors.completed_tensor": ["CompletedTensor"],
        "lowland.tensors.cp_fit": ["CPDecomposition"],
        "lowland.tensors.cp_decomposition": ["decompose_cp"],
        "lowland.tensors.stored_tensor": ["StoredTensor"],
        "lowland.tensors.decompose": ["decompose_tucker"],
        "lowland.tensors.fit": ["TuckerFit"],
        "lowland.tensors.observations": ["TensorObservations"],
        "lowland.tensors.tucker_tensor": ["TuckerTensor"],
        "lowland.estimators.matrix_completion": ["MatrixCompletion"],
        "lowland.estimators.matrix_sensing": ["MatrixSensing"],
        "lowland.estimators.additive_spline": ["AdditiveSplineRegressor"],
        "lowland.estimators.stable_spline": ["StableSplineRegressor"],
        "lowland.estimators.tensor_completion": ["complete_tensor"],
        "lowland.estimators.tucker_decomposition": ["TuckerDecomposition"],
        "lowland.files.covariates": ["Covariates", "read_covariates"],
        "lowland.files.graphs": ["Graph", "read_graph"],
        "lowland.files.queries": ["read_sql"],
        "lowland.core.stage_line": ["show_progress"],
        "lowland.files.table_format": ["TableFormat"],
        "lowland.files.tables": ["read_table"],
        "lowland.files.counts": ["read_counts"],
        "lowland.verifying": ["verify"],
    },
    rooms=("datasets", "dynamics", "landscape", "networks", "tensors"),
)
