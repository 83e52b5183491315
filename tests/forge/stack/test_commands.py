import pytest

from forge.stack import commands


def test_the_stack_runs_them_on_loopback_with_names_of_their_own() -> None:
    web, worker = commands.web_command(8123), commands.worker_command(2)

    assert web[web.index("--host") + 1] == "127.0.0.1"
    assert web[web.index("--port") + 1] == "8123"
    assert web[-len(commands.WEB_OPTIONS) :] == commands.WEB_OPTIONS
    assert worker[worker.index("-n") + 1].endswith("-2@%h")
    assert worker[-len(commands.WORKER_OPTIONS) :] == commands.WORKER_OPTIONS


@pytest.mark.parametrize(
    ("host", "named"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.1.2.3", "10.1.2.3"), ("fd00::7", "[fd00::7]")],
)
def test_a_url_of_this_machine_names_an_address_that_can_be_reached(host: str, named: str) -> None:
    assert commands.reachable(host) == named
