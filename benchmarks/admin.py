"""Time and number of queries of each admin page, and of session search, with a million images.

The database is that of DATABASE_URL, which must be empty (`python -m tests.postgres bin/bench admin` makes one), else
SQLite in a temporary folder, or in the folder of `--data`, which keeps it for the next run. Each page is requested
twice, and the second time counts. The ratio is one second against the slowest page.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LIMIT_S, LIMIT_QUERIES = 1.0, 20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="20,000 images instead of a million")
    arguments.add_argument("--data", type=Path, help="folder of an earlier or a new database")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _set_up(options.data or Path(folder))
        slowest = _measure(20_000 if options.quick else 1_000_000)
    print(f"admin: {LIMIT_S / slowest:.2f}")


def _set_up(folder: Path) -> None:
    """Configure Django for a database of this folder: settings are read once."""
    os.environ["FORGE_DATA"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def _measure(images: int) -> float:
    """Fill the database where it is empty, request each page and return the seconds of the slowest."""
    from django.core.management import call_command
    from rich.console import Console
    from rich.table import Table

    from benchmarks._large_database import fill
    from forge.models import Image

    call_command("migrate", verbosity=0)
    if not Image.objects.exists():
        started = time.perf_counter()
        fill(images=images)
        print(f"Filled with {Image.objects.count():,} images in {time.perf_counter() - started:.0f} s.")
    table, slowest = Table("page", "queries", "seconds", ""), 0.0
    for name, request in _pages():
        request()
        queries, seconds = _counted(request)
        over = " over the limit" if seconds > LIMIT_S or queries > LIMIT_QUERIES else ""
        table.add_row(name, str(queries), f"{seconds:.2f}", over)
        slowest = max(slowest, seconds)
    Console().print(table)
    return slowest


def _counted(request: Callable[[], Any]) -> tuple[int, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    started = time.perf_counter()
    with CaptureQueriesContext(connection) as captured:
        response = request()
    seconds = time.perf_counter() - started
    assert response.status_code == 200, response.content[:500]
    if os.environ.get("FORGE_BENCH_QUERIES"):
        for query in sorted(captured.captured_queries, key=lambda one: -float(one["time"]))[:3]:
            print(query["time"], query["sql"][:700])
    return len(captured), seconds


def _pages() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield name and request of each page: lists, their filters, searches and last pages, and the page of one row."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from benchmarks._admin_pages import admin_urls, search_urls
    from forge.accounts import key_issue
    from forge.models import Account

    settings.ALLOWED_HOSTS = ["testserver"]
    operator, _ = User.objects.get_or_create(username="operator", is_staff=True, is_superuser=True)
    admin, api = Client(), Client()
    admin.force_login(operator)
    account = Account.objects.get(name="account-0")  # has half of the images
    _, key = key_issue(account=account)
    for name, url in admin_urls(account):
        yield name, lambda url=url: admin.get(url)  # type: ignore[misc]
    for name, url in search_urls():
        yield name, lambda url=url: api.get(url, headers={"X-API-Key": key})  # type: ignore[misc]


if __name__ == "__main__":
    main()
