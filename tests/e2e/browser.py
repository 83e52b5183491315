"""Headless Chromium for the tests of pages: a page's errors and its requests to other hosts are recorded."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT_MS = 60_000  # an upper bound: a test continues as soon as its condition is met
AXE = Path(__file__).parent / "axe"
AXE_MODULES = Path(__file__).parents[2] / ".axe"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser that resolves no name: everything but loopback is out of reach."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One tab. `errors`: of its console and scripts, but for the responses that a test expects to be refused."""

    page: Any
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def listen(self) -> None:
        self.page.set_default_timeout(TIMEOUT_MS)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        # The browser itself reports each response of 400 and more.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def assert_clean(self) -> None:
        assert self.errors == []
        assert self.hosts <= {"127.0.0.1", ""}


@contextmanager
def visit(browser: Any, **options: Any) -> Iterator[Visit]:
    """Yield a tab of a context of its own, whose errors and requests are checked at the end."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
    try:
        tab = Visit(context.new_page())
        tab.listen()
        yield tab
        tab.assert_clean()
    finally:
        context.close()


def axe_script() -> str:
    """Return axe-core; skip where no registry has it."""
    lock = hashlib.sha256((AXE / "package-lock.json").read_bytes()).hexdigest()
    script = AXE_MODULES / lock / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        if shutil.which("npm") is None:
            pytest.skip("axe-core needs npm: apt install npm")
        folder = AXE_MODULES / lock
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(AXE / name, folder)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "CI": "1"}
        )
        if installed.returncode:
            pytest.skip(f"npm cannot install axe-core: {installed.stderr[-300:]}")
    return script.read_text()


def violations(page: Any, script: str) -> list[str]:
    """Return what axe-core finds on the page as it is."""
    page.evaluate(script)
    found = page.evaluate("() => axe.run()")["violations"]
    return [f"{one['id']}: {[node['html'][:200] for node in one['nodes']]}" for one in found]
