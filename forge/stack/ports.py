import errno
import random
import socket
from collections.abc import Collection

from forge.stack.errors import AddressMissing, PortBusy

# Below the ephemeral ports of Linux (32768…) and macOS (49152…). One of those could be taken while its server
# restarts, even by a client that retries to reach it: TCP lets a socket connect to itself.
CANDIDATES = range(20000, 32000)
PREFERRED = 8000


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the servers do; without it a port with connections in TIME_WAIT counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise AddressMissing(host) from error
            return False
    return True


def free_port(excluded: Collection[int] = ()) -> int:
    for port in random.sample(CANDIDATES, 200):
        if port not in excluded and is_free(port):
            return port
    raise PortBusy(CANDIDATES[0])


def web_port(requested: int | None, last_used: int | None, host: str = "127.0.0.1") -> int:
    """Return the port of the first web server. `requested`: 0 is any free one, None the last used or 8000 if free."""
    if requested:
        if not is_free(requested, host):
            raise PortBusy(requested)
        return requested
    if requested is None:
        for port in (last_used, PREFERRED):
            if port and is_free(port, host):
                return port
    return free_port()
