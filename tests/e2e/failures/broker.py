import os
import signal
import time
from contextlib import closing

from tests.e2e.running_stack import ScenarioContext


def redis_restarted(context: ScenarioContext, *, seconds: float) -> None:
    context.wait_for_events()
    valkey = context.process("valkey")
    valkey.stop()
    context.run_for(seconds)
    valkey.start()
    context.wait_ready()


def redis_stopped(context: ScenarioContext, *, seconds: float) -> None:
    """Suspend Redis: it keeps its connections and sends nothing."""
    context.wait_for_events()
    pid = context.process("valkey").pid
    os.kill(pid, signal.SIGSTOP)
    try:
        context.run_for(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    context.wait_ready()


def redis_emptied(context: ScenarioContext, *, times: int) -> None:
    for _ in range(times):
        context.wait_for_events()
        with closing(context.redis()) as client:
            client.flushall()
        context.run_for(1)


def redis_out_of_memory(context: ScenarioContext, *, seconds: float) -> None:
    context.wait_for_events()
    with closing(context.redis()) as client:
        client.config_set("maxmemory", "1mb")  # less than it uses: each command that needs memory is refused
        context.run_for(seconds)
        client.config_set("maxmemory", "0")
    context.wait_ready()


def redis_slow(context: ScenarioContext, *, seconds: float) -> None:
    """Delay each command by up to 0.4 s."""
    deadline = time.monotonic() + seconds
    with closing(context.redis()) as client:
        while time.monotonic() < deadline:
            client.client_pause(400, all=True)
            context.run_for(0.5)
