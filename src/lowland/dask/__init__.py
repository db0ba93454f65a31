"""Tables past one machine: held and fitted by the workers of a Dask cluster."""

from lowland.dask.cluster_blocks import ClusterError
from lowland.dask.matrix_completion import DaskMatrixCompletion
from lowland.dask.observations import DaskObservations

__all__ = ["ClusterError", "DaskMatrixCompletion", "DaskObservations"]
