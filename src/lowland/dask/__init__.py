"""Tables larger than one machine: fitted by the workers of a Dask cluster (extra ``distributed``)."""

from lowland.core.errors import MissingExtraError

try:
    import distributed as _distributed  # noqa: F401
except ImportError as _error:
    raise MissingExtraError(
        "lowland.dask needs Dask", str(_error), fix="pip install 'lowland[distributed]'"
    ) from _error

from lowland.dask.matrix_completion import DaskMatrixCompletion
from lowland.dask.observations import DaskObservations
from lowland.dask.waiting import ClusterError

__all__ = ["ClusterError", "DaskMatrixCompletion", "DaskObservations"]
