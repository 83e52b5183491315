"""Limits of a web process that follow from its file handles (RLIMIT_NOFILE): each connection, spooled body and database
connection takes some. A process that has none left fails in every request, of all accounts.
"""

import contextlib
import resource

from django.conf import settings

_MOST = 65_536
_OWN = 64  # of the interpreter, the logs, the event loop and the listening sockets
# SQLite opens three files for a connection, and each thread has one to Redis.
_PER_THREAD = 4
_BACKGROUND_THREADS = 12  # of the relay, the upload checks and the stream slots
_PER_BODY = 2  # the body as received and its files


def raise_soft_limit() -> None:
    """Raise the soft limit of this process to its hard limit; a usual shell gives 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS refuses more than its kernel's own limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_capacity() -> int:
    """Return how many connections this process accepts: FORGE_CONNECTIONS, or what its file handles allow."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    threads = settings.FORGE_REQUESTS_AT_ONCE + settings.FORGE_UPLOADS_AT_ONCE + _BACKGROUND_THREADS
    left = (_MOST if soft == resource.RLIM_INFINITY else soft) - _OWN - _PER_THREAD * threads
    # An eighth of the connections may send a large body.
    return max(16, min(settings.FORGE_CONNECTIONS, left * 8 // (8 + _PER_BODY)))


def stream_capacity() -> int:
    """Return how many streams this process opens: the rest of its connections is for other requests."""
    return connection_capacity() * 3 // 4


def body_capacity() -> int:
    """Return how many bodies this process receives at the same time that are spooled to disk."""
    return max(2, connection_capacity() // 8)
