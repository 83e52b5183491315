"""The nginx site of deploy/, in front of a running stack."""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import V1, analyze_body, colored_images, parse_events, upload
from tests.e2e.conftest import TIMEOUT_S, MakeKey, wait_until
from tests.images import noisy_jpeg

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
OPENSSL = shutil.which("openssl")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed"),
]
IMAGES = 60
MAIN = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{example}
}}
"""


@pytest.fixture(scope="module")
def slow_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose analyses take long enough that a job's first event comes well before its last."""
    script = json.dumps({"delay_ms_per_image": 500})
    env: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None, "FORGE_SCRIPT": script}
    with Stack(tmp_path_factory.mktemp("slow"), port=0, env=env, report=print) as running:
        running.wait_ready(TIMEOUT_S)
        yield running


@pytest.fixture(scope="module")
def proxy(slow_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an nginx with the site of deploy/: only its ports and its certificate are others."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, example=example(slow_stack, folder, port)))
    command = [str(NGINX), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(command) as nginx:
        try:
            url = f"https://127.0.0.1:{port}"
            wait_until(lambda: answers(url), "nginx", slow_stack.poll)
            yield url
        finally:
            nginx.terminate()


def example(stack: Stack, folder: Path, port: int) -> str:
    block = (settings.BASE_DIR / "deploy" / "nginx" / "image-forge.conf").read_text()
    replaced = {
        "127.0.0.1:8000": urlsplit(stack.urls[0]).netloc,
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/forge.pem": f"{folder}/cert.pem",
        "/etc/ssl/forge.key": f"{folder}/key.pem",
    }
    for documented, here in replaced.items():
        assert documented in block
        block = block.replace(documented, here)
    return block


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", verify=False, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def http(proxy: str, slow_stack: Stack, make_key: MakeKey) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": make_key(slow_stack.data)}
    with httpx.Client(
        base_url=proxy + V1, headers=headers, timeout=TIMEOUT_S, verify=insecure(), trust_env=False
    ) as one:
        yield one


def insecure() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_events_arrive_unbuffered_and_a_stream_resumes(http: httpx.Client) -> None:
    session = upload(http, colored_images(IMAGES))
    with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as response:
        assert response.headers["content-type"] == "text/event-stream"
        job = response.headers["X-Job-Id"]
        first = next(parse_events(response.iter_raw()))
        assert http.get(f"jobs/{job}").json()["finishedAt"] is None, "the first event came with the last one"
    assert first.id == 1
    http.post(f"jobs/{job}/cancel").raise_for_status()

    with http.stream("GET", f"jobs/{job}/events", headers={"Last-Event-ID": "1"}) as response:
        events = list(parse_events(response.iter_raw()))
    assert [event.id for event in events] == list(range(2, len(events) + 2))
    assert events[-1].type == "complete"


def test_a_large_upload_passes_and_one_without_a_key_is_refused_early(http: httpx.Client) -> None:
    files = [("images[]", (f"{n}.jpg", noisy_jpeg((1200, 900)), "image/jpeg")) for n in range(3)]
    assert http.post("sessions/upload", files=files).status_code == 201

    with httpx.Client(base_url=str(http.base_url), verify=insecure(), trust_env=False, timeout=TIMEOUT_S) as unknown:
        refused = unknown.post("sessions/upload", files=files)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")


def test_nginx_refuses_in_the_shape_of_the_api(http: httpx.Client) -> None:
    refused = {
        414: http.get("credits/balance", params={"q": "x" * 20_000}),
        431: http.get("credits/balance", headers={"X-Large": "x" * 20_000}),
        413: http.post("credits/check", content=b"{" + b" " * 70_000 + b"}"),
        404: http.get("no/such/thing"),
    }
    for status, response in refused.items():
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/json"
        assert set(response.json()) >= {"error", "code"}
    root = str(http.base_url).removesuffix(V1 + "/")
    assert [http.get(f"{root}/{path}").status_code for path in ("metrics", "readyz", "_413")] == [404, 404, 404]
