"""The embedded stack: Valkey, web servers and workers as children of one supervisor, on one data folder.

`bin/up` runs it in the foreground, the tests use it as a context manager.
"""

from forge.stack.errors import AlreadyRunning, PortBusy, StackError, StartFailed, StopRequested
from forge.stack.process import Process
from forge.stack.readiness import missing
from forge.stack.record import running_urls
from forge.stack.stack import Stack

__all__ = [
    "AlreadyRunning",
    "PortBusy",
    "Process",
    "Stack",
    "StackError",
    "StartFailed",
    "StopRequested",
    "missing",
    "running_urls",
]
