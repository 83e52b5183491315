"""The embedded stack: Valkey, web servers and workers as children of one supervisor, on one data folder.

`bin/up` runs it in the foreground; tests use it as a context manager.
"""

from forge.stack.errors import AlreadyRunning, PortBusy, StackError, StartFailed, StopRequested
from forge.stack.process import SupervisedProcess
from forge.stack.readiness import not_ready_reason
from forge.stack.stack import Stack
from forge.stack.state_file import running_urls

__all__ = [
    "AlreadyRunning",
    "PortBusy",
    "Stack",
    "StackError",
    "StartFailed",
    "StopRequested",
    "SupervisedProcess",
    "not_ready_reason",
    "running_urls",
]
