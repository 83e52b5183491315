import json
import signal

from tests.e2e.running_stack import Ground, given


def dies_between(ground: Ground, *, name: str, point: str, passing: int, times: int) -> None:
    """The process ends itself at this point, again and again."""
    process = ground.process(name)
    with given(process, FORGE_FAULTS=json.dumps({point: passing})):
        process.restart()
        for _ in range(times):
            ground.until(lambda: not process.alive)
            assert process.exit_code == -signal.SIGKILL, process.describe()
            process.start()
    process.restart()
    ground.ready()
