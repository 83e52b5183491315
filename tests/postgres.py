"""A temporary PostgreSQL cluster from Debian's packages: `with throwaway() as cluster: … cluster.url`.

`python -m tests.postgres COMMAND…` runs a command with DATABASE_URL set to one.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from forge.stack.ports import free_port

MISSING = "PostgreSQL is not installed: apt install postgresql"


def programs() -> Path | None:
    """Return the folder with initdb and postgres of the newest installed version, or None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@dataclass
class Cluster:
    bin: Path
    folder: Path
    port: int
    _server: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"postgresql://forge@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        if owner := _owner():
            shutil.chown(self.folder, owner, owner)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "forge", "--auth=trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        arguments = [f"-c{name}={value}" for name, value in {**options, "max_connections": "200"}.items()]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._server = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port), *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=_owner(),
                group=_owner(),
            )
        self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), timeout_s=60)

    def stop(self) -> None:
        if self._server:
            self._server.send_signal(
                signal.SIGINT
            )  # fast shutdown: open connections are closed, committed data is kept
            self._server.wait(30)
            self._server = None

    def connections(self) -> int:
        """Return the number of client connections, without the one that counts."""
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def _run(self, program: str, *arguments: str, timeout_s: int = 0) -> None:
        command = [str(self.bin / program), *arguments]
        for _ in range(10 * timeout_s):
            if subprocess.run(command, cwd=self.folder, check=False, user=_owner(), group=_owner()).returncode == 0:
                return
            assert self._server is None or self._server.poll() is None, "the server has ended"
            time.sleep(0.1)
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, user=_owner(), group=_owner())


def _owner() -> str | None:
    """Return the user of the server: PostgreSQL refuses to run as root."""
    return "postgres" if os.getuid() == 0 else None


@contextmanager
def throwaway() -> Iterator[Cluster]:
    """Run a cluster and remove it afterwards. Raises FileNotFoundError where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        raise FileNotFoundError(MISSING)
    with tempfile.TemporaryDirectory(prefix="image-forge-postgres-") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder) / "cluster"
        root.mkdir()
        cluster = Cluster(found, root, free_port())
        cluster.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def main() -> int:
    # A SIGTERM ends the command and then the cluster, not this process alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with throwaway() as cluster:
            return subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": cluster.url}, check=False).returncode
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
