"""An account's default options in a form: JSON, checked as those of a request."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from analysis_options import OptionError, options_parse, unsupported_option
from forge.operations.families import loaded_families


class OptionsField(forms.JSONField):
    """The options in their canonical form; None where there are none."""

    widget = forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField", "spellcheck": "false"})

    def clean(self, value: Any) -> dict[str, Any] | None:
        """Raise ValidationError also for what the loaded models cannot do: each request would be refused."""
        try:
            options = options_parse(super().clean(value))
        except OptionError as error:
            raise ValidationError(str(error)) from error
        for family in loaded_families():
            if problem := unsupported_option(options, family):
                raise ValidationError(
                    f"The loaded models ({problem.family}) do not support {problem.option}; "
                    f"they can do: {problem.accepted}."
                )
        return options or None
