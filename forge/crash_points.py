"""Points at which a test lets this process die as `kill -9` would end it.

The setting FORGE_FAULTS says at which, and at which passing: `{"between_commit_and_enqueue": 3}`. Empty, as it is
everywhere else, a point is one look into an empty dictionary. The settings refuse it beside real models.
"""

import os
import signal
import threading
from typing import Literal

from django.conf import settings

Point = Literal["between_commit_and_enqueue", "between_model_and_commit", "between_commit_and_publish"]

_passed: dict[str, int] = {}
_lock = threading.Lock()


def crash_point(name: Point) -> None:
    """Does not return at the passing that the setting names. Each process counts its own."""
    if name not in settings.FORGE_FAULTS:
        return
    with _lock:
        _passed[name] = _passed.get(name, 0) + 1
        if _passed[name] == settings.FORGE_FAULTS[name]:
            os.kill(os.getpid(), signal.SIGKILL)
