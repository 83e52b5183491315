"""The operators' pages in headless Chromium against a real service with the scripted model."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.admin.utils import quote

from forge.stack import Stack
from tests.e2e.browser import axe_script, chromium, needs_chromium, violations, visit
from tests.e2e.client import analyze, upload
from tests.e2e.conftest import MakeKey, environment
from tests.images import jpeg

pytestmark = [pytest.mark.e2e, needs_chromium]

PASSWORD = "a-long-password-of-tests"
LISTS = ["account", "apikey", "session", "job", "imageanalysis", "jobevent", "creditentry"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def operator(stack: Stack) -> str:
    """Return the name of a superuser."""
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", "operator"]
    variables = {**environment(stack.data), "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    subprocess.run([*command, "--email", "o@example.com"], cwd=settings.BASE_DIR, env=variables, check=True)
    return "operator"


@pytest.fixture(scope="module")
def spender(stack: Stack, make_key: MakeKey) -> dict[str, str]:
    """Run a job of two images of which one fails: its file is gone. Return the ids."""
    key = make_key(stack.data, account="spender", credits=5)
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        session = upload(http, [jpeg("#802010", (700, 500)), jpeg("#102080", (700, 500))])
        gone = session["images"][1]["id"]
        [file] = (stack.data / "media").rglob(f"{gone}*")
        file.unlink()
        job = next(event for event in analyze(http, session) if event.type == "complete")
        account = http.get("/credits/balance").json()["accountId"]
    return {"account": account, "session": session["sessionId"], "job": json.loads(job.data)["jobId"], "gone": gone}


def log_in(page: Any, stack: Stack, operator: str) -> None:
    page.goto(f"{stack.urls[0]}/admin/")
    page.fill("#id_username", operator)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_selector("#user-tools")


def pages_of(spender: dict[str, str]) -> dict[str, str]:
    pages = {name: f"/admin/forge/{name}/" for name in LISTS}
    for name in ("account", "job", "session"):
        pages[f"{name} page"] = f"/admin/forge/{name}/{quote(spender[name])}/change/"
    return {"front page": "/admin/", **pages, "ledger": f"/admin/forge/account/{quote(spender['account'])}/ledger/"}


def test_the_three_questions_take_two_clicks(
    browser: Any, stack: Stack, operator: str, spender: dict[str, str]
) -> None:
    with visit(browser, accept_downloads=True) as tab:
        page = tab.page
        log_in(page, stack, operator)

        assert "Not stuck" in page.text_content(".forge-state")
        assert "scripted-captioner" in page.text_content("[aria-label=Workers]")
        assert "image_gone" in page.text_content("[aria-label='Failed jobs of today']")
        page.click("th a:text-is('image_gone')")
        page.wait_for_selector("#result_list")
        assert "1 image_gone" in page.text_content(".field-reasons")
        page.click("#result_list .field-owner a:text-is('spender')")
        page.wait_for_selector("text=Limits in effect")

        page.goto(f"{stack.urls[0]}/admin/")
        page.click("text=Accounts, with their ledgers")
        page.click("tr:has(a:text-is('spender')) a:text-is('ledger')")
        page.wait_for_selector("text=Balance now: 4 credits.")
        balances = page.locator("tbody td:nth-child(3)").all_text_contents()
        assert balances == ["4", "3", "4", "5"]
        with page.expect_download() as waited:
            page.click("text=Download as CSV")
        rows = list(csv.DictReader(Path(waited.value.path()).read_text("utf-8-sig").splitlines()))
        assert [row["balance"] for row in rows] == balances[::-1]


def test_a_missing_file_is_a_sentence(browser: Any, stack: Stack, operator: str, spender: dict[str, str]) -> None:
    with visit(browser) as tab:
        log_in(tab.page, stack, operator)
        tab.page.goto(f"{stack.urls[0]}/admin/forge/session/{quote(spender['session'])}/change/")
        tab.page.wait_for_selector(f"#{spender['gone']} .forge-missing")
        assert "is missing or cannot be read" in tab.page.text_content(f"#{spender['gone']}")
        assert tab.page.locator("img.forge-thumbnail").count() == 1


def test_suspending_is_one_click_on_the_accounts_page(
    browser: Any, stack: Stack, operator: str, make_key: MakeKey
) -> None:
    key = make_key(stack.data, account="suspended")
    url = f"{stack.urls[0]}/image-forge-api/v1/credits/balance"
    with visit(browser) as tab:
        log_in(tab.page, stack, operator)
        tab.page.goto(f"{stack.urls[0]}/admin/forge/account/?q=suspended")
        tab.page.click("#result_list th.field-name a")
        tab.page.click("[value^=Suspend]")
        tab.page.wait_for_selector("text=Suspended: suspended.")
        assert httpx.get(url, headers={"X-API-Key": key}, trust_env=False).status_code == 403
        tab.page.click("[value^=Reactivate]")
        tab.page.wait_for_selector("text=Reactivated: suspended.")
        assert httpx.get(url, headers={"X-API-Key": key}, trust_env=False).status_code == 200


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 800}}])
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(
    browser: Any, stack: Stack, operator: str, spender: dict[str, str], options: dict[str, Any]
) -> None:
    script, found = axe_script(), {}
    with visit(browser, reduced_motion="reduce", **options) as tab:
        log_in(tab.page, stack, operator)
        for name, path in pages_of(spender).items():
            response = tab.page.goto(f"{stack.urls[0]}{path}")
            tab.page.wait_for_load_state("networkidle")
            assert response.status == 200
            assert tab.errors == [], name
            width = tab.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
            found[name] = violations(tab.page, script) + ([f"{width} pixels too wide"] if width > 0 else [])
            tab.errors.clear()  # of axe-core's own styles, which the content policy refuses

    assert {name: problems for name, problems in found.items() if problems} == {}
