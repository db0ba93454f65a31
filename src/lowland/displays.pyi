"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.dynamics.displays import PathsDisplay as PathsDisplay
from lowland.dynamics.displays import SurvivalDisplay as SurvivalDisplay
from lowland.landscape.displays import CensusDisplay as CensusDisplay
from lowland.landscape.displays import HessianSpectrumDisplay as HessianSpectrumDisplay
from lowland.landscape.displays import PlaneDisplay as PlaneDisplay
from lowland.landscape.displays import SectionDisplay as SectionDisplay
from lowland.networks.regions.displays import ActivationDisplay as ActivationDisplay
from lowland.networks.regions.displays import LossesDisplay as LossesDisplay
from lowland.networks.regions.displays import ShareDisplay as ShareDisplay
from lowland.networks.splines.additive_pages import ComponentDisplay as ComponentDisplay
from lowland.networks.splines.displays import BoundaryRiskDisplay as BoundaryRiskDisplay
from lowland.networks.splines.displays import EdgeDisplay as EdgeDisplay
from lowland.networks.splines.displays import KnotsDisplay as KnotsDisplay
from lowland.networks.splines.displays import SplineDisplay as SplineDisplay
from lowland.report.displays import CalibrationDisplay as CalibrationDisplay
from lowland.report.displays import ConvergenceDisplay as ConvergenceDisplay
from lowland.report.displays import PathDisplay as PathDisplay
from lowland.report.displays import PatternDisplay as PatternDisplay
from lowland.report.displays import PredictionDisplay as PredictionDisplay
from lowland.report.displays import SpectrumDisplay as SpectrumDisplay
from lowland.report.matrix_display import MatrixDisplay as MatrixDisplay
from lowland.report.series_display import SeriesDisplay as SeriesDisplay
from lowland.tensors.displays import CoreDisplay as CoreDisplay
from lowland.tensors.displays import FactorDisplay as FactorDisplay
from lowland.tensors.displays import ModeSpectraDisplay as ModeSpectraDisplay
from lowland.tensors.residual_map import ResidualDisplay as ResidualDisplay
