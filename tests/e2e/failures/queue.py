import os
import signal
import time
from contextlib import closing

from tests.e2e.running_stack import Ground


def redis_restarted(ground: Ground, *, seconds: float) -> None:
    ground.moves()
    valkey = ground.process("valkey")
    valkey.stop()
    ground.hold(seconds)
    valkey.start()
    ground.ready()


def redis_stopped(ground: Ground, *, seconds: float) -> None:
    """It holds its connections and answers nothing."""
    ground.moves()
    pid = ground.process("valkey").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        ground.hold(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    ground.ready()


def redis_emptied(ground: Ground, *, times: int) -> None:
    for _ in range(times):
        ground.moves()
        with closing(ground.redis()) as client:
            client.flushall()
        ground.hold(1)


def redis_out_of_memory(ground: Ground, *, seconds: float) -> None:
    ground.moves()
    with closing(ground.redis()) as client:
        client.config_set("maxmemory", "1mb")  # Less than it has now: each command that needs memory is refused.
        ground.hold(seconds)
        client.config_set("maxmemory", "0")
    ground.ready()


def redis_slow(ground: Ground, *, seconds: float) -> None:
    """Each command waits, up to four tenths of a second."""
    deadline = time.monotonic() + seconds
    with closing(ground.redis()) as client:
        while time.monotonic() < deadline:
            client.client_pause(400, all=True)
            ground.hold(0.5)
