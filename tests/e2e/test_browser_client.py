"""clients/javascript in headless Chromium: broken streams, a restarted server, jobs at once."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from forge.stack import Stack
from tests.e2e.browser import TIMEOUT_MS, chromium, needs_chromium, visit
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.cutting_proxy import cutting_proxy

pytestmark = [pytest.mark.e2e, needs_chromium]

SAMPLES = [settings.BASE_DIR / "samples" / name for name in ("cat.jpg", "coffee.jpg", "rocket.jpg")]
# Jobs at once, each of all files; `seen` counts their events, `jobs` becomes the events of each.
START = """({key, files, count}) => {
  window.seen = 0;
  const bytes = (data) => Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const run = async () => {
    const {Forge} = await import('/static/forge-client/forge.js');
    const forge = new Forge({key});
    const images = files.map(({name, data}) => new File([bytes(data)], name, {type: 'image/jpeg'}));
    let sent = null;
    const session = await forge.upload(images, {onProgress: (done, total) => { sent = [done, total]; }});
    const events = [];
    for await (const event of forge.analyze(session)) {
      events.push([event.id, event.type, event.data.imageId]);
      window.seen++;
    }
    return {sent, events, balance: (await forge.balance()).balance};
  };
  window.jobs = Promise.all(Array.from({length: count}, run));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def start(page: Any, url: str, key: str, files: list[Path], count: int = 1) -> None:
    page.goto(url)
    encoded = [{"name": path.name, "data": base64.b64encode(path.read_bytes()).decode()} for path in files]
    page.evaluate(START, {"key": key, "files": encoded, "count": count})


def finish(page: Any, images: int) -> list[Any]:
    """Return the jobs, each with every event once and in order."""
    page.wait_for_function("() => Promise.race([jobs.then(() => true), new Promise((wake) => setTimeout(wake, 500))])")
    jobs: list[Any] = page.evaluate("() => jobs")
    for job in jobs:
        assert [event[0] for event in job["events"]] == list(range(1, 2 * images + 2))
        assert sorted(event[1] for event in job["events"]) == sorted(["complete", *["progress", "result"] * images])
    return jobs


def test_a_stream_that_breaks_after_every_third_event_is_resumed(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="browser-cuts", credits=10)
    with cutting_proxy(stack.urls[0], events=3, most_cuts=100) as proxy, visit(browser) as tab:
        start(tab.page, proxy.url, key, SAMPLES)
        [job] = finish(tab.page, 3)

    assert job["sent"] == [sum(path.stat().st_size for path in SAMPLES)] * 2
    assert proxy.cuts >= 2
    assert job["balance"] == 7


def test_two_jobs_at_once_receive_their_own_events(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    with visit(browser) as tab:
        start(tab.page, stack.urls[0], make_key(stack.data, account="browser-two"), SAMPLES, count=2)
        first, second = finish(tab.page, 3)

    assert {event[2] for event in first["events"][:-1]}.isdisjoint(event[2] for event in second["events"][:-1])


def test_a_server_that_is_restarted_in_the_middle_loses_no_event(
    browser: Any, make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env={"FORGE_SCRIPT": '{"delay_ms": 1500}', "FORGE_BATCH_SIZE": "1"})
    with visit(browser) as tab:
        start(tab.page, stack.urls[0], make_key(stack.data), SAMPLES * 2)
        tab.page.wait_for_function("() => seen >= 2", timeout=TIMEOUT_MS)
        web = stack.processes["web-1"]
        before = web.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: web.pid != before and stack.not_ready_reason() is None, "the web server", stack.poll)
        [job] = finish(tab.page, 6)

    assert job["balance"] == 994
