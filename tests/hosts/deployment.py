"""The whole service on nine hosts: two web, three workers, PostgreSQL, Valkey, storage, and nginx in front."""

import json
import ssl
import sys
from contextlib import closing

import httpx
import psycopg
import redis
from django.conf import settings

from tests.e2e.audit import DatabaseAudit, run_audit
from tests.e2e.client import V1
from tests.e2e.conftest import wait_until
from tests.hosts.network import GATEWAY, Host, HostProcess, Network
from tests.hosts.servers import ENV, PASSWORD, S3_PORT, PostgresServer, start_nginx, start_s3, start_valkey
from tests.s3 import CREDENTIALS, S3Server

SCRIPT = {"delay_ms": 150, "delay_ms_per_image": 10}


class Deployment:
    def __init__(self, network: Network) -> None:
        names = ("proxy", "postgres", "valkey", "s3", "web1", "web2", "worker1", "worker2", "worker3")
        self.hosts: dict[str, Host] = {name: network.host(name) for name in names}
        self.webs = [self.hosts["web1"], self.hosts["web2"]]
        self.workers = [self.hosts[f"worker{number}"] for number in (1, 2, 3)]
        self.processes: dict[str, HostProcess] = {}
        self._dead: set[str] = set()
        self.postgres = PostgresServer(self.hosts["postgres"])
        self.processes["valkey"] = start_valkey(self.hosts["valkey"])
        self.processes["s3"] = start_s3(self.hosts["s3"])
        self._s3 = S3Server(f"http://{self.hosts['s3'].address}:{S3_PORT}")
        self.processes["proxy"] = start_nginx(self.hosts["proxy"], [web.address for web in self.webs])
        self.tls = ssl.create_default_context(cafile=self.hosts["proxy"].folder / "forge.pem")
        self.url = f"https://{self.hosts['proxy'].address}"
        wait_until(self._database_answers, "PostgreSQL", self.check_alive)
        wait_until(self._s3_answers, "the S3 server", self.check_alive)
        self._storage_url = self._s3.make_bucket("uploads")
        self.manage(self.webs[0], "migrate", "--no-input")
        for host in self.webs:
            self.start(host, "web", "--host", host.address)
        for host in self.workers:
            self.start(host, "worker")

    def environment(self, host: Host) -> dict[str, str]:
        """Return the settings of a process on this host. Each host has a data folder of its own."""
        data = host.folder / "data"
        data.mkdir(exist_ok=True)
        return {
            **ENV,
            "FORGE_DATA": str(data),
            "FORGE_ENV": "production",
            "SECRET_KEY": "hosts-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
            "ALLOWED_HOSTS": self.hosts["proxy"].address,
            "FORWARDED_ALLOW_IPS": f"{self.hosts['proxy'].address},{GATEWAY}",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": f"redis://:{PASSWORD}@{self.hosts['valkey'].address}:6379/0",
            **CREDENTIALS,
            "FORGE_STORAGE_URL": self._storage_url,
            "FORGE_MODELS": "scripted",
            "FORGE_SCRIPT": json.dumps(SCRIPT),
            "FORGE_BATCH_SIZE": "2",
            "FORGE_LEASE_S": "4",
            "FORGE_HEARTBEAT_S": "0.5",
            "FORGE_RESEND_S": "2",
            "FORGE_RESYNC_S": "2",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, host: Host, *command: str) -> None:
        """Start a web server or a worker on a host."""
        arguments = [sys.executable, "manage.py", *command]
        self.processes[host.name] = host.start(
            command[0], arguments, folder=settings.BASE_DIR, env=self.environment(host)
        )

    def manage(self, host: Host, *command: str) -> str:
        arguments = [sys.executable, "manage.py", *command]
        return host.run(arguments, folder=settings.BASE_DIR, env=self.environment(host)).strip()

    def direct(self, host: Host, key: str = "") -> httpx.Client:
        """Return a client of one web host, in the proxy's place."""
        headers = {"Host": self.hosts["proxy"].address, "X-Forwarded-Proto": "https", "X-API-Key": key}
        return httpx.Client(base_url=f"http://{host.address}:8000{V1}", headers=headers, timeout=60, trust_env=False)

    def through_proxy(self, key: str) -> httpx.Client:
        headers = {"X-API-Key": key}
        return httpx.Client(base_url=f"{self.url}{V1}", headers=headers, timeout=60, verify=self.tls, trust_env=False)

    def kill(self, host: Host) -> None:
        """Let a host die for good."""
        self._dead.add(host.name)
        host.kill()

    def wait_ready(self) -> None:
        wait_until(lambda: all(map(self._ready, self.webs)), "both web hosts are ready", self.check_alive)

    def check_alive(self) -> None:
        for name, process in self.processes.items():
            assert process.alive or name in self._dead, f"{name} has ended:\n{process.text()[-3000:]}"

    def last_lines(self) -> str:
        """Return the end of each log, for the message of a failed test."""
        return "\n".join(f"{name}: {process.text()[-700:]}" for name, process in self.processes.items())

    def workers_alive(self) -> int:
        """Return how many workers have a fresh heartbeat, as readiness counts them."""
        with closing(redis.Redis.from_url(self.environment(self.webs[0])["REDIS_URL"])) as client:
            return int(client.zcount("forge:workers", client.time()[0] * 1000, "+inf"))

    def analysed(self, host: Host) -> int:
        """Return how many images this worker host has analysed, by its log."""
        return self.processes[host.name].text().count("Analysed in ")

    def audit(self) -> DatabaseAudit:
        return run_audit(self.environment(self.webs[0]))

    def _ready(self, host: Host) -> bool:
        try:
            with self.direct(host) as http:
                return http.get(f"http://{host.address}:8000/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def _database_answers(self) -> bool:
        try:
            psycopg.connect(self.postgres.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _s3_answers(self) -> bool:
        try:
            return httpx.get(f"{self._s3.endpoint}/moto-api/", trust_env=False).is_success
        except httpx.TransportError:
            return False
