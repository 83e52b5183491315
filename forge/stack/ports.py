import random
import socket
from collections.abc import Collection

from forge.stack.errors import PortBusy

# Below the ports that Linux (32768…) and macOS (49152…) give to outgoing connections. A port from there could be taken
# while its server restarts, even by a client that retries to reach it: TCP lets a socket connect to itself.
CANDIDATES = range(20000, 32000)
PREFERRED = 8000


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do; without it a port whose last connections are closing counts as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def any_free(taken: Collection[int] = ()) -> int:
    for port in random.sample(CANDIDATES, 200):
        if port not in taken and is_free(port):
            return port
    raise PortBusy(CANDIDATES[0])


def web_port(wanted: int | None, remembered: int | None) -> int:
    """The port of the first web server: 0 is any free one, None the last one used or 8000 where they are free."""
    if wanted:
        if not is_free(wanted):
            raise PortBusy(wanted)
        return wanted
    if wanted is None:
        for port in (remembered, PREFERRED):
            if port and is_free(port):
                return port
    return any_free()
