"""Clients that generators make of the OpenAPI document run the main job: upload, analyze, read the events.

Those that repeat a broken POST with `Last-Event-ID` go on with their job and pay once.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack
from tests.e2e.cutting_proxy import cutting_proxy

pytestmark = pytest.mark.e2e

PROGRAMS = Path(__file__).parent / "generated_clients"
IMAGES = [str(settings.BASE_DIR / "samples" / name) for name in ("cat.jpg", "coffee.jpg")]
DOCUMENT = "/image-forge-api/v1/openapi.json"
# Outside tests/: the packages have thousands of files of their own.
MODULES = settings.BASE_DIR / ".node"
TSC = [
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--lib",
    "es2022,dom,dom.iterable,dom.asynciterable",
    "--module",
    "commonjs",
    "--moduleResolution",
    "node10",
    "--types",
    "node",
    "--outDir",
    "out",
]

needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not installed: apt install nodejs npm")
needs_generator = pytest.mark.skipif(
    not (Path(sys.executable).parent / "openapi-python-client").exists() and "CI" not in os.environ,
    reason="openapi-python-client is not installed: bin/setup --dev",
)


def run(*command: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed_modules() -> Path:
    """Install the packages of package-lock.json, once for each version of it; skip where no registry has them."""
    lock = hashlib.sha256((PROGRAMS / "package-lock.json").read_bytes()).hexdigest()
    marker = MODULES / lock
    if not marker.exists():
        shutil.rmtree(MODULES, ignore_errors=True)
        MODULES.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PROGRAMS / name, MODULES)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(command, cwd=MODULES, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"npm cannot install the generators: {installed.stderr[-300:]}")
        marker.touch()
    return MODULES / "node_modules"


@pytest.fixture(scope="module")
def programs(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, compiled against the types that the generators make of the document."""
    modules = installed_modules()
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").symlink_to(modules)
    for program in PROGRAMS.glob("*.ts"):
        shutil.copy(program, folder)
    (folder / "openapi.json").write_text(httpx.get(stack.urls[0] + DOCUMENT, trust_env=False).text)
    tools = modules / ".bin"
    run(str(tools / "openapi-ts"), "-i", "openapi.json", "-o", "hey", "-c", "@hey-api/client-fetch", cwd=folder)
    run(str(tools / "openapi-typescript"), "openapi.json", "-o", "openapi.d.ts", cwd=folder)
    run(str(tools / "tsc"), *TSC, "hey_api.ts", "openapi_typescript.ts", "fetch_event_source.ts", cwd=folder)
    return folder / "out"


def balance(client: httpx.Client) -> int:
    return int(client.get("credits/balance").json()["balance"])


def assert_whole_job(events: list[dict[str, Any]]) -> None:
    """Each event came once, of one job."""
    assert len({event["jobId"] for event in events}) == 1
    assert sorted(event["current"] for event in events if "current" in event) == [1, 2]
    assert len({event["imageId"] for event in events if "metadata" in event}) == 2
    assert (events[-1]["status"], events[-1]["succeeded"]) == ("complete", 2)
    assert len(events) == 5


@needs_node
def test_openapi_typescript_runs_the_main_job(programs: Path, stack: Stack, client: httpx.Client) -> None:
    before = balance(client)
    key = client.headers["X-API-Key"]

    printed = run("node", str(programs / "openapi_typescript.js"), *IMAGES, cwd=programs, BASE=stack.urls[0], KEY=key)

    assert_whole_job(json.loads(printed))
    assert balance(client) == before - 2


@needs_node
@pytest.mark.parametrize("program", ["hey_api", "fetch_event_source"])
def test_a_client_that_repeats_a_broken_post_resumes_and_pays_once(
    programs: Path, stack: Stack, client: httpx.Client, program: str
) -> None:
    before = balance(client)
    key = client.headers["X-API-Key"]

    with cutting_proxy(stack.urls[0]) as proxy:
        printed = run("node", str(programs / f"{program}.js"), *IMAGES, cwd=programs, BASE=proxy.url, KEY=key)

    assert proxy.cuts == 1
    assert_whole_job(json.loads(printed))
    assert balance(client) == before - 2


@needs_generator
def test_openapi_python_client_runs_the_main_job(stack: Stack, client: httpx.Client, tmp_path: Path) -> None:
    before = balance(client)
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    document = ["--url", stack.urls[0] + DOCUMENT, "--meta", "none", "--output-path", "image_forge_client"]
    generate = [str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--config", "config.yml"]
    run(*generate, *document, cwd=tmp_path)
    program = [sys.executable, str(PROGRAMS / "python_client.py"), *IMAGES]

    printed = run(*program, cwd=tmp_path, PYTHONPATH=str(tmp_path), BASE=stack.urls[0], KEY=client.headers["X-API-Key"])

    assert_whole_job(json.loads(printed))
    assert balance(client) == before - 2
