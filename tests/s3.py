"""An S3 server for tests: moto's, in a process of its own, spoken to by HTTP."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import ProxyHandler, build_opener

import boto3

from forge.stack.ports import free_port

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
_START_S = 60.0


@dataclass(frozen=True)
class S3Server:
    endpoint: str

    def client(self) -> Any:
        session = boto3.session.Session("tests", "not-a-secret", region_name="us-east-1")
        return session.client("s3", endpoint_url=self.endpoint)

    def make_bucket(self, name: str) -> str:
        """Return the value of FORGE_STORAGE_URL."""
        self.client().create_bucket(Bucket=name)
        return f"s3://{name}/uploads?endpoint={self.endpoint}&region=us-east-1"

    def keys(self, bucket: str, prefix: str = "uploads/sessions/") -> list[str]:
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


@contextmanager
def running_s3_server() -> Iterator[S3Server]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(f"http://127.0.0.1:{port}")
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(_START_S)


def _wait(server: S3Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            build_opener(ProxyHandler({})).open(f"{server.endpoint}/moto-api/", timeout=5).close()
        except OSError:
            assert process.poll() is None, "moto's server ended"
            assert time.monotonic() < deadline, "moto's server does not answer"
            time.sleep(0.05)
        else:
            return
