"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.networks.curvature.rescaling import FlattestRescaling as FlattestRescaling
from lowland.networks.curvature.rescaling import flattest_rescaling as flattest_rescaling
from lowland.networks.curvature.sharpness import SharpnessEstimate as SharpnessEstimate
from lowland.networks.curvature.sharpness import sharpness as sharpness
from lowland.networks.curvature.trace import SharpnessTrace as SharpnessTrace
from lowland.networks.network import ReluNetwork as ReluNetwork
from lowland.networks.pattern_bounds import pattern_share_bound as pattern_share_bound
from lowland.networks.pattern_bounds import sufficient_width as sufficient_width
from lowland.networks.pattern_enumeration import count_patterns as count_patterns
from lowland.networks.pattern_enumeration import neuron_patterns as neuron_patterns
from lowland.networks.pattern_shares import WidthAdvice as WidthAdvice
from lowland.networks.pattern_shares import advise_width as advise_width
from lowland.networks.pattern_volumes import full_pattern_bound as full_pattern_bound
from lowland.networks.pattern_volumes import full_pattern_volume as full_pattern_volume
from lowland.networks.reading import read_network as read_network
from lowland.networks.region_survey import RegionSurvey as RegionSurvey
from lowland.networks.region_survey import survey_regions as survey_regions
from lowland.networks.region_trace import RegionTrace as RegionTrace
from lowland.networks.regions import RegionReport as RegionReport
from lowland.networks.regions import region_report as region_report
from lowland.networks.search import PatternWalk as PatternWalk
from lowland.networks.stability import StabilityReport as StabilityReport
from lowland.networks.stability import stability_report as stability_report
from lowland.networks.stable_fit import StableFit as StableFit
from lowland.networks.stable_fit import fit_stable as fit_stable
from lowland.networks.variation import variation_weight as variation_weight
