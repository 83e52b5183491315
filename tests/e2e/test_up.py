"""`up` starts all processes, restarts them, and leaves none behind, however it ends."""

import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from forge.stack import Stack, SupervisedProcess
from forge.stack.state_file import RecordedProcess, StackState
from tests.e2e.conftest import MakeStack, UpCommand, environment, processes_on, wait_until

pytestmark = pytest.mark.e2e


def _port_is_free(url: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", httpx.URL(url).port or 0))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_prints_ready_and_shuts_down_gracefully(up: Callable[..., UpCommand], tmp_path: Path, number: int) -> None:
    running = up()
    url = running.url()
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    wait_until(lambda: f"open {url}/#key=sk-" in running.stderr, "the studio's address")

    assert running.stop(number) == 0
    assert running.stdout == f"ready {url}\n"
    assert processes_on(tmp_path) == []
    assert _port_is_free(url)


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(
    up: Callable[..., UpCommand], tmp_path: Path
) -> None:
    first = up()
    first.url()
    first.stop(signal.SIGKILL)
    if sys.platform == "linux":
        wait_until(lambda: processes_on(tmp_path) == [], "the children of a killed supervisor are gone")

    second = up()
    second.url()
    recorded = {entry.pid for entry in StackState.load(tmp_path).processes.values()}
    assert {process.pid for process in processes_on(tmp_path)} == recorded | {second.process.pid}
    assert second.stop() == 0
    assert processes_on(tmp_path) == []


@pytest.mark.parametrize("name", ["valkey", "migrate", "web-1"])
def test_a_supervisor_killed_during_its_start_leaves_no_process(
    up: Callable[..., UpCommand], tmp_path: Path, name: str
) -> None:
    first = up()
    wait_until(lambda: name in StackState.load(tmp_path).processes, f"{name} is started")
    first.stop(signal.SIGKILL)
    if sys.platform == "linux":
        wait_until(lambda: processes_on(tmp_path) == [], "the children of a killed supervisor are gone")

    second = up()
    second.url()
    assert second.stop() == 0


def test_a_start_can_be_interrupted(up: Callable[..., UpCommand], tmp_path: Path) -> None:
    running = up()
    wait_until(lambda: "valkey" in StackState.load(tmp_path).processes, "valkey is started")
    assert running.stop() == 0
    assert processes_on(tmp_path) == []


def test_a_second_signal_kills_at_once(up: Callable[..., UpCommand], tmp_path: Path) -> None:
    running = up()
    running.url()
    # Suspended, the worker never ends by itself.
    psutil.Process(StackState.load(tmp_path).processes["worker-1"].pid).suspend()
    running.process.send_signal(signal.SIGINT)
    wait_until(lambda: "completes its work in flight" in running.stderr, "the stop waits for the worker")

    assert running.stop(signal.SIGINT) == 130
    assert processes_on(tmp_path) == []


def test_a_stack_can_be_started_again(make_stack: MakeStack) -> None:
    stack = make_stack()
    stack.stop()
    stack.start()
    stack.wait_ready()
    assert "valkey" in stack.processes


def test_a_recorded_pid_that_was_reused_is_not_killed(up: Callable[..., UpCommand], tmp_path: Path) -> None:
    bystander = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        StackState(processes={"web-1": RecordedProcess(bystander.pid, create_time=1.0)}).save(tmp_path)
        up().url()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_second_up_on_the_same_data_names_the_first(up: Callable[..., UpCommand], tmp_path: Path) -> None:
    first = up()
    url = first.url()
    first_output = tmp_path / "stdout"
    saved = first_output.read_text()
    # Both write into the same files.
    wait_until(lambda: "open http" in first.stderr, "the studio's address")

    second = up()
    assert second.process.wait(60) == 2
    assert url in second.stderr
    assert len(second.stderr.splitlines()) == 1

    first_output.write_text(saved)
    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200


def test_a_busy_port_is_refused(up: Callable[..., UpCommand], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = up("--port", str(taken.getsockname()[1]))
        assert refused.process.wait(60) == 2
    assert "is in use" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert processes_on(tmp_path) == []


def test_it_listens_on_another_address_and_names_the_setting_for_it(
    up: Callable[..., UpCommand], tmp_path: Path
) -> None:
    running = up("--port", "0", "--host", "0.0.0.0")
    port = httpx.URL(running.url()).port
    by_another_address = httpx.get(f"http://127.0.0.2:{port}/healthz", trust_env=False)
    by_localhost = httpx.get(f"http://127.0.0.2:{port}/healthz", headers={"Host": "localhost"}, trust_env=False)

    assert "--host 0.0.0.0: ALLOWED_HOSTS must have" in running.stderr
    assert (by_another_address.status_code, by_localhost.status_code) == (400, 200)


@pytest.mark.parametrize(
    ("host", "code", "sentence"),
    [
        ("10.255.0.1", 2, "ALLOWED_HOSTS must have 10.255.0.1"),
        ("forge.example.com", 2, "give an IP address"),
    ],
)
def test_an_address_on_which_nobody_could_be_served_is_refused(
    up: Callable[..., UpCommand], tmp_path: Path, host: str, code: int, sentence: str
) -> None:
    refused = up("--host", host)

    assert refused.process.wait(60) == code
    assert sentence in refused.stderr
    assert processes_on(tmp_path) == []


def test_an_address_of_another_machine_is_refused(
    up: Callable[..., UpCommand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "192.0.2.1")  # reserved for documentation
    refused = up("--host", "192.0.2.1")

    assert refused.process.wait(60) == 2
    assert "This machine has no address 192.0.2.1" in refused.stderr


def test_a_process_that_dies_is_restarted(make_stack: MakeStack) -> None:
    stack = make_stack(webs=2)
    for name, process in stack.processes.items():
        before = process.pid
        process.kill()
        wait_until(_is_restarted(process, before), f"{name} is restarted", stack.poll)
        stack.wait_ready()
    assert sorted(stack.processes) == ["valkey", "web-1", "web-2", "worker-1"]


def _is_restarted(process: SupervisedProcess, before: int) -> Callable[[], bool]:
    return lambda: process.alive and process.pid != before


def _broker(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url((stack.data / "redis.url").read_text().strip())


def test_queued_tasks_survive_a_restart_of_valkey(make_stack: MakeStack) -> None:
    stack = make_stack()
    with closing(_broker(stack)) as broker:
        broker.rpush("something-queued", "work")
    valkey = stack.processes["valkey"]

    valkey.stop()
    stack.poll()
    assert not valkey.alive, "a stopped process is not restarted"
    valkey.start()

    # Readiness is cached for a second: it may be that of before.
    wait_until(lambda: _queued(stack) is not None, "Valkey does not answer after its restart", stack.poll)
    assert _queued(stack) == [b"work"]
    stack.wait_ready()


def _queued(stack: Stack) -> Any:
    """Return what is queued, None while the broker refuses connections."""
    with closing(_broker(stack)) as broker, suppress(redis.exceptions.ConnectionError):
        return broker.lrange("something-queued", 0, -1)
    return None


def test_only_this_user_can_read_the_password(stack: Stack) -> None:
    password = (stack.data / "redis.url").read_text().split(":")[2].split("@")[0]
    assert len(password) >= 24
    for path in (stack.data / "redis.url", stack.data / "valkey" / "valkey.conf", stack.data / "stack.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    for process in stack.processes.values():
        assert password not in " ".join(psutil.Process(process.pid).cmdline())


def test_a_failed_start_prints_the_end_of_the_log(
    up: Callable[..., UpCommand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.e2e.conftest.environment", _environment_with_an_impossible_database)
    failed = up()
    assert failed.process.wait(60) == 1
    assert "migrate did not start" in failed.stderr
    assert "unable to open database file" in failed.stderr
    assert processes_on(tmp_path) == []


def _environment_with_an_impossible_database(data: Path) -> dict[str, str]:
    return {**environment(data), "DATABASE_URL": f"sqlite:///{data}/no/such/folder/db"}
