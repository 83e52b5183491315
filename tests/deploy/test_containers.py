"""The files of deploy/ for containers, against the schemas of their formats; no engine runs them here."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from tests.deploy import dockerfile
from tests.test_settings_docs import documented

DEPLOY = dockerfile.ROOT / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KUBERNETES_VERSION = "1.33"
# Read by uvicorn and boto3.
OTHERS = {"FORWARDED_ALLOW_IPS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def resources() -> list[dict[str, Any]]:
    return [resource for path in KUBERNETES for resource in yaml.safe_load_all(path.read_text())]


def pods() -> dict[str, dict[str, Any]]:
    """Return the pod specification of each workload."""
    return {
        r["metadata"]["name"]: r["spec"]["template"]["spec"] for r in resources() if "template" in r.get("spec", {})
    }


def test_the_compose_file_follows_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


def test_compose_starts_each_part_after_what_it_needs_and_prints_the_next_step() -> None:
    found = services()

    assert set(found) == {"volume", "postgres", "valkey", "migrate", "web", "worker", "next-step"}
    assert found["web"]["depends_on"] == found["worker"]["depends_on"]
    assert found["web"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert all("healthcheck" in found[name] for name in ("postgres", "valkey", "web"))
    assert list(yaml.safe_load(COMPOSE.read_text())["volumes"]) == ["data"]
    assert found["web"]["ports"] == ["127.0.0.1:${PORT:-8000}:8000"], "loopback only"
    assert "make_key" in found["next-step"]["command"][1]
    grace = float(found["worker"]["environment"]["FORGE_WORKER_GRACE_S"])
    assert float(found["worker"]["stop_grace_period"].removesuffix("s")) > grace


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_a_manifest_follows_its_schema(path: Path) -> None:
    for resource in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)


def test_pods_run_unprivileged_and_end_gracefully() -> None:
    found = pods()
    settings = next(resource for resource in resources() if resource["kind"] == "ConfigMap")["data"]

    assert set(found) == {"image-forge-migrate", "image-forge-web", "image-forge-worker"}
    for pod in found.values():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsUser"] == 10001
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    grace = found["image-forge-worker"]["terminationGracePeriodSeconds"]
    assert grace > float(settings["FORGE_WORKER_GRACE_S"])
    web = found["image-forge-web"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert web[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_each_setting_named_in_a_manifest_exists() -> None:
    known = {*documented(), *OTHERS}
    named = {name for resource in resources() for name in resource.get("data", resource.get("stringData", {}))}
    named |= {name for service in services().values() if "build" in service for name in service["environment"]}

    assert named
    assert named - known == set()


def test_the_image_has_neither_root_nor_a_compiler_and_starts_commands_that_exist() -> None:
    packages, image = dockerfile.stages()

    assert packages.image == image.image
    assert image.values("USER") == ["10001:10001"]
    assert not any("apt-get" in step or "pip" in step for step in image.values("RUN"))
    assert json.loads(image.values("ENTRYPOINT")[0]) == ["python", "manage.py"]
    commands = [json.loads(image.values("CMD")[0])]
    commands += [service["command"] for name, service in services().items() if name in {"migrate", "worker"}]
    commands += [pod["containers"][0]["args"] for pod in pods().values()]
    assert {command[0] for command in commands} == {"web", "worker", "migrate"} <= set(get_commands())


def test_the_build_context_has_what_runs_and_no_secret() -> None:
    files = {str(path) for path in dockerfile.context()}

    assert {"manage.py", "requirements.txt", "config/settings.py", "workers/tasks.py"} <= files
    assert not {path for path in files if path.startswith((".env", "tests/", ".forge", ".git"))}
    assert dockerfile.IGNORE.read_text().splitlines()[1] == "*"


def test_the_build_context_has_every_package_that_it_imports() -> None:
    files = set(dockerfile.context())
    ours = {path.parent.name for path in dockerfile.ROOT.glob("*/__init__.py")}
    sources = [(dockerfile.ROOT / path).read_text() for path in files if path.suffix == ".py"]

    imported = {
        name for text in sources for name in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)
    } & ours

    assert {"decoding", "xmp"} <= imported
    assert imported - {path.parts[0] for path in files} == set()
    assert Path("clients/javascript/src/forge.js") in files  # of the studio
