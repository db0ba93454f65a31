"""Errors and warnings, each of which says what was wrong, what was found, why it matters and what to do."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.errors",
    {
        "lowland.core.errors": [
            "FileFormatError",
            "InterruptedWarning",
            "InvalidInputError",
            "LowlandError",
            "MissingExtraError",
            "TooLargeError",
            "UnderdeterminedWarning",
            "UnsupportedError",
        ],
        "lowland.sensing.premise": ["PremiseError"],
    },
)
