"""Why a stack does not start or become ready; `str()` is the sentence for the terminal."""

from pathlib import Path
from typing import ClassVar


class StackError(Exception):
    exit_code: ClassVar[int] = 1


class AlreadyRunning(StackError):
    exit_code = 2

    def __init__(self, data: Path, url: str | None) -> None:
        super().__init__(f"The stack on {data} is already running{f' at {url}' if url else ''}. Stop that one first.")


class PortBusy(StackError):
    exit_code = 2

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use by another program. Choose another with --port.")


class AddressMissing(StackError):
    exit_code = 2

    def __init__(self, host: str) -> None:
        super().__init__(f"This machine has no address {host}. --host 0.0.0.0 is every IPv4 address that it has.")


class StartFailed(StackError):
    def __init__(self, name: str, reason: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} did not start: {reason}. The end of {log}:\n{tail}")


class StopRequested(Exception):
    """Raised in a start that `Stack.request_stop` interrupts."""
