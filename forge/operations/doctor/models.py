"""Whether the models that FORGE_MODELS names are installed."""

import io
from collections.abc import Iterator

from django.core.management import call_command

from forge.operations.doctor.finding import Finding, fail, ok


def findings() -> Iterator[Finding]:
    stdout, stderr = io.StringIO(), io.StringIO()
    try:
        call_command("models", "check", stdout=stdout, stderr=stderr)  # by name: forge imports no model
    except SystemExit:
        remedy = "The sentence above has the command; or set FORGE_MODELS=embedded."
        yield fail("models", stderr.getvalue().strip(), remedy)
    else:
        yield ok("models", stdout.getvalue().strip())
