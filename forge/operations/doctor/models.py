"""Whether the models that FORGE_MODELS names are installed, respond and answer."""

import io
import json
from collections.abc import Iterator
from contextlib import suppress

from django.core.management import call_command

from forge.operations.doctor.finding import Finding


def findings() -> Iterator[Finding]:
    stdout = io.StringIO()
    # By name: forge imports no model. It ends with an exit code where a check fails.
    with suppress(SystemExit):
        call_command("models", "check", "--json", stdout=stdout)
    for line in stdout.getvalue().splitlines():
        yield Finding("models", **json.loads(line))
