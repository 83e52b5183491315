"""Fault injection: points at which a test kills this process with SIGKILL.

FORGE_FAULTS maps a point to the hit at which the process dies: `{"between_commit_and_enqueue": 3}`. The settings refuse
it with real models; while it is empty, a point costs one dictionary lookup.
"""

import os
import signal
import threading
from typing import Literal

from django.conf import settings

CrashPoint = Literal["between_commit_and_enqueue", "between_model_and_commit", "between_commit_and_publish"]

_hits: dict[str, int] = {}
_lock = threading.Lock()


def crash_point(name: CrashPoint) -> None:
    """Kill the process at the hit that FORGE_FAULTS names; each process counts its own hits."""
    if name not in settings.FORGE_FAULTS:
        return
    with _lock:
        _hits[name] = _hits.get(name, 0) + 1
        if _hits[name] == settings.FORGE_FAULTS[name]:
            os.kill(os.getpid(), signal.SIGKILL)
