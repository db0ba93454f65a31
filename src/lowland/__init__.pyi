"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.certify import certify as certify
from lowland.core.errors import LowlandError as LowlandError
from lowland.core.findings import Certificate as Certificate
from lowland.core.findings import Finding as Finding
from lowland.core.observations import Observations as Observations
from lowland.core.records import Factors as Factors
from lowland.core.records import SearchResult as SearchResult
from lowland.core.status import Rigour as Rigour
from lowland.core.status import StopReason as StopReason
from lowland.core.status import Verdict as Verdict
from lowland.estimators import MatrixCompletion as MatrixCompletion
from lowland.estimators import MatrixSensing as MatrixSensing
from lowland.files import Covariates as Covariates
from lowland.files import read_covariates as read_covariates
from lowland.files import read_sql as read_sql
from lowland.files import read_table as read_table
from lowland.landscape import Census as Census
from lowland.landscape import cut as cut
from lowland.landscape import cut_plane as cut_plane
from lowland.landscape import find_path as find_path
from lowland.landscape import hessian_spectrum as hessian_spectrum
from lowland.measure import Dense as Dense
from lowland.measure import Entries as Entries
from lowland.measure import Fourier as Fourier
from lowland.measure import Linear as Linear
from lowland.measure import Pauli as Pauli
from lowland.measure import RankOne as RankOne
from lowland.measure import Stacked as Stacked
from lowland.measure import blind_deconvolution as blind_deconvolution
from lowland.measure import coded_diffraction as coded_diffraction
from lowland.measure import gaussian as gaussian
from lowland.measure import pauli_outcomes as pauli_outcomes
from lowland.systems.census import census as census
from lowland.systems.determinacy import Determinacy as Determinacy
from lowland.systems.determinacy import diagnose as diagnose
from lowland.systems.intervals import Intervals as Intervals
from lowland.systems.matrix import certify_matrix as certify_matrix
from lowland.systems.matrix import recover as recover
from lowland.systems.recovery import Recovery as Recovery
from lowland.systems.tomography import StateEstimate as StateEstimate
from lowland.systems.tomography import estimate_state as estimate_state

__version__: str
