"""PostgreSQL behind PgBouncer in transaction mode, with TLS."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings

from forge.stack.ports import free_port
from tests.certificates import make_certificate, needs_openssl
from tests.e2e.audit import run_audit
from tests.e2e.client import analyze, colored_images, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.postgres import Cluster

pytestmark = [
    pytest.mark.e2e,
    needs_openssl,
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="apt install pgbouncer"),
]

CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={cluster} user=forge
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_reset_query_always = 1
server_reset_query = DISCARD ALL
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
"""


@contextmanager
def pgbouncer(cluster: Cluster) -> Iterator[str]:
    """Run PgBouncer with three connections to the cluster and yield its DATABASE_URL."""
    owner = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="image-forge-pgbouncer-") as folder:
        certificate, key = make_certificate(Path(folder))
        port = free_port()
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(cluster=cluster.port, port=port, certificate=certificate, key=key))
        for path in (Path(folder), certificate, key, file):
            if owner:
                shutil.chown(path, owner)
        url = f"postgresql://forge@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={certificate}"
        Path(folder).chmod(0o755)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(["pgbouncer", file], stdout=log, stderr=log, user=owner)
        try:
            wait_until(lambda: answers(url), "PgBouncer")
            yield url
        finally:
            process.kill()
            process.wait(60)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_all_of_a_job_through_a_pooler(postgres: Cluster, make_stack: MakeStack, make_key: MakeKey) -> None:
    with pgbouncer(postgres) as url:
        stack = make_stack(workers=2, env={"DATABASE_URL": url, "FORGE_DATABASE_POOLER": "true"})
        headers = {"X-API-Key": make_key(stack.data, database=url)}
        base = f"{stack.urls[0]}/image-forge-api/v1"
        with httpx.Client(base_url=base, headers=headers, timeout=120, trust_env=False) as http:
            for images in (8, 1):
                session = upload(http, colored_images(images))
                events = analyze(http, session)
                assert [event.type for event in events].count("result") == images
                assert [event.id for event in events] == list(range(1, len(events) + 1))
            assert http.delete(f"sessions/{session['sessionId']}").status_code == 204
            assert http.get("credits/balance").json()["balance"] == 1000 - 9
        assert run_audit(stack.processes["web-1"].env).wrong == 0
        # It reads with cursors.
        audit = [sys.executable, "manage.py", "audit_credits"]
        subprocess.run(audit, cwd=settings.BASE_DIR, env=stack.processes["web-1"].env, check=True)
        assert postgres.connections() <= 3
