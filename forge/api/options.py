"""The member `options` of requests that analyze images."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analysis_options import OptionError, options_merge, options_parse, options_schema
from forge.errors import InvalidOption
from forge.models import Account


@extend_schema_field(options_schema())
class OptionsField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """Options of the analysis, in their canonical form; {} where none is given."""

    def __init__(self) -> None:
        super().__init__(
            required=False, help_text="What the words shall be like; `GET /v1/models` has what is possible."
        )

    def run_validation(self, data: Any = serializers.empty) -> dict[str, Any]:
        try:
            return options_parse(None if data is serializers.empty else data)
        except OptionError as error:
            raise InvalidOption(str(error), option=error.option, accepted=error.accepted) from error


def effective_options(account: Account, requested: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's options over the account's defaults."""
    return options_merge(account.default_options or {}, requested)
