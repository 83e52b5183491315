"""Options of an analysis: their bounds and checks, and which family of models can do what. Plain data."""

from analysis_options.families import FAMILIES, Family, Unsupported, family_of, unsupported_option
from analysis_options.parsing import OptionError, options_merge, options_parse
from analysis_options.specifications import OPTIONS, language_of, options_schema, translations_of

__all__ = [
    "FAMILIES",
    "OPTIONS",
    "Family",
    "OptionError",
    "Unsupported",
    "family_of",
    "language_of",
    "options_merge",
    "options_parse",
    "options_schema",
    "translations_of",
    "unsupported_option",
]
