"""systemd units and the nginx site, checked by systemd and nginx themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from tests.hosts.servers import SITE, make_certificate

UNITS = settings.BASE_DIR / "deploy" / "systemd"
PROGRAMS = os.environ["PATH"] + ":/usr/sbin"


def program(name: str) -> str:
    found = shutil.which(name, path=PROGRAMS)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/image-forge/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/opt/image-forge", str(settings.BASE_DIR)))
    instances = [str(tmp_path / unit.name.replace("@", "@1")) for unit in UNITS.iterdir()]

    checked = subprocess.run([analyze, "verify", "--man=no", *instances], capture_output=True, text=True, check=False)

    ours = [line for line in checked.stderr.splitlines() if "image-forge" in line]
    assert ours == []
    assert checked.returncode == 0, checked.stderr


def test_the_units_run_commands_that_exist_with_time_to_end() -> None:
    texts = {unit.name: unit.read_text() for unit in UNITS.iterdir()}
    commands = {
        line.split("manage.py ")[1].split()[0]
        for text in texts.values()
        for line in text.splitlines()
        if line.startswith("ExecStart=")
    }

    assert commands == {"migrate", "web", "worker"} <= set(get_commands())
    assert settings.FORGE_WORKER_GRACE_S < 30
    assert "TimeoutStopSec=30" in texts["image-forge-worker@.service"]


def test_nginx_accepts_the_site(tmp_path: Path) -> None:
    nginx, _ = program("nginx"), program("openssl")
    certificate, key = tmp_path / "forge.pem", tmp_path / "forge.key"
    make_certificate(certificate, key, "127.0.0.1")
    site = SITE.read_text().replace("/etc/ssl/forge.pem", str(certificate)).replace("/etc/ssl/forge.key", str(key))
    # nginx -t binds the ports.
    site = site.replace("listen 80;", f"listen unix:{tmp_path}/http;")
    site = site.replace("listen 443 ssl;", f"listen unix:{tmp_path}/https ssl;")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{ }} http {{ access_log off; {site} }}")

    command = [nginx, "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
