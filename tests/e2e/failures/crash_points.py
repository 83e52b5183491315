import json
import signal

from tests.e2e.running_stack import ScenarioContext, with_environment


def crash_at(context: ScenarioContext, *, name: str, point: str, hit: int, times: int) -> None:
    """Let the process crash at this point `times` times."""
    process = context.process(name)
    with with_environment(process, FORGE_FAULTS=json.dumps({point: hit})):
        process.restart()
        for _ in range(times):
            context.wait_until(lambda: not process.alive)
            assert process.exit_code == -signal.SIGKILL, process.describe()
            process.start()
    process.restart()
    context.wait_ready()
