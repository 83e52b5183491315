"""The studio in headless Chromium against a real service with the scripted model."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from PIL import Image

import xmp
from forge.stack import Stack
from tests.e2e.browser import TIMEOUT_MS, axe_script, chromium, needs_chromium, violations, visit
from tests.e2e.client import colored_images
from tests.e2e.conftest import MakeKey, MakeStack
from tests.images import jpeg

pytestmark = [pytest.mark.e2e, needs_chromium]

SAMPLES = sorted((settings.BASE_DIR / "samples").glob("*.jpg"))
SUCCEEDED = "image-card[data-status=succeeded]"
# Names are shown as text.
ODD_NAME = '<img src=x onerror=alert(1)>&"\u202e🙂.jpg'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def files(*images: tuple[str, bytes]) -> list[dict[str, Any]]:
    return [{"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in images]


def photographs(count: int) -> list[dict[str, Any]]:
    return files(*((path.name, path.read_bytes()) for path in SAMPLES[:count]))


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect

    expect.set_options(timeout=TIMEOUT_MS)
    return expect(locator)


def enter(page: Any, stack: Stack, key: str) -> None:
    page.goto(f"{stack.urls[0]}/#key={key}")
    expect(page.locator("#work")).to_be_visible()


def api(stack: Stack, key: str, path: str) -> Any:
    answer = httpx.get(f"{stack.urls[0]}/image-forge-api/v1{path}", headers={"X-API-Key": key}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def download(page: Any, format: str) -> bytes:
    with page.expect_download() as waited:
        page.click(f"[data-export={format}]")
    return Path(waited.value.path()).read_bytes()


def archive(page: Any, words: str) -> dict[str, bytes]:
    """Download the chosen images as a ZIP; return its files but for table and manifest."""
    page.click("#take")
    page.check(f"#download [value={words}]")
    with page.expect_download() as waited:
        page.click("#archive")
    expect(page.locator("#download .note")).to_have_text("Saved.")
    page.click("#download [data-go=close]")
    with zipfile.ZipFile(waited.value.path()) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith((".csv", ".json"))}


def taken(page: Any, what: str) -> bytes:
    with page.expect_download() as waited:
        page.click(f"[data-take={what}]")
    return Path(waited.value.path()).read_bytes()


def test_from_the_key_to_the_exports_and_the_history(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="whole-path", credits=20)
    with visit(browser, accept_downloads=True) as tab:
        page = tab.page
        page.goto(f"{stack.urls[0]}/#key=sk-wrong")
        expect(page.locator("#notice")).to_contain_text("valid API key")
        assert page.evaluate("() => location.hash + JSON.stringify(sessionStorage)") == "{}"
        page.fill("#key", key)
        page.keyboard.press("Enter")
        expect(page.locator("#balance")).to_have_text("20 credits")

        images = [*photographs(2), *files((ODD_NAME, jpeg("#802010", (700, 500))))]
        bad = files(("cut.jpg", jpeg(size=(640, 480))[:-500]), ("empty.jpg", b""))
        page.set_input_files("#files", images + bad)
        expect(page.locator(SUCCEEDED)).to_have_count(3)
        expect(page.locator("#refused li")).to_have_count(2)
        expect(page.locator("#refused")).to_contain_text("cut.jpg")
        expect(page.locator("#run-title")).to_have_text("3 described. 3 credits spent.")
        expect(page.locator("#live")).to_contain_text("3 described")
        expect(page.locator("#balance")).to_have_text("17 credits")
        assert all(page.locator("image-card img").nth(n).get_attribute("alt") for n in range(3))

        page.locator("image-card .open").first.click()
        expect(page.locator(".facts")).to_contain_text("scripted-captioner")
        page.fill("#field-alt", "=SUM(1) of a person")
        page.keyboard.press("Tab")
        expect(page.locator("#saved")).to_have_text("Saved.")
        expect(page.locator(".field .badge")).to_have_count(1)
        expect(page.locator("#count-alt")).to_have_text("19 of 125")
        page.fill("#field-filename", "Not A Name")
        page.keyboard.press("Tab")
        expect(page.locator("#wrong-filename")).to_contain_text("lower-case")
        assert page.input_value("#field-filename") == "Not A Name"
        page.click("#detail [data-go=close]")

        [session] = api(stack, key, "/sessions?include=results")["data"]
        words = [image["metadata"] for image in session["images"]]
        table = download(page, "csv")
        assert table.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
        assert [row["title"] for row in rows] == [one["title"] for one in words]
        assert rows[0]["alt"] == "'=SUM(1) of a person"
        assert [one["metadata"] for one in json.loads(download(page, "json"))] == words
        assert download(page, "html").decode().count("<figcaption>") == 3
        assert json.loads(download(page, "jsonld"))[1]["caption"] == words[1]["caption"]
        page.locator("image-card input").nth(1).check()
        assert archive(page, "none") == {f"{words[1]['filename']}.jpg": SAMPLES[1].read_bytes()}
        page.locator("image-card input").nth(1).uncheck()
        whole = archive(page, "embedded")
        assert list(whole) == [f"{one['filename']}.jpg" for one in words]
        for name, original in zip(whole, [path.read_bytes() for path in SAMPLES[:2]], strict=False):
            assert xmp.fingerprint(whole[name]) == xmp.fingerprint(original)
        titles = {xmp.read(data).words.text(xmp.Field.TITLE) for data in whole.values()}
        assert titles == {one["title"] for one in words}
        assert [name for name in archive(page, "sidecar") if name.endswith(".xmp")] == [f"{name}.xmp" for name in whole]
        page.locator("image-card .open").nth(1).click()
        expect(page.locator(".facts")).to_contain_text("scripted-captioner")
        assert taken(page, "file") == SAMPLES[1].read_bytes()
        assert taken(page, "words") == list(whole.values())[1]
        assert xmp.read_sidecar(taken(page, "sidecar")).words.text(xmp.Field.ALT) == words[1]["alt"]
        page.click("#detail [data-go=close]")

        page.reload()
        expect(page.locator(".badge.mine")).to_have_count(1)
        page.click("#show-history")
        page.fill("#query", "person sum")
        expect(page.locator("#sessions > li")).to_have_count(1)
        page.fill("#query", "nothing-like-it")
        expect(page.locator("#no-sessions")).to_contain_text("nothing-like-it")
        page.fill("#query", "")
        page.locator("#sessions >> text=Delete").click()
        page.locator("#sessions >> text=Delete for good?").click()
        expect(page.locator("#sessions > li")).to_have_count(0)
        page.click("#show-work")
        expect(page.locator("image-card")).to_have_count(0)
        assert api(stack, key, "/sessions")["data"] == []


def test_images_are_exported_and_tried_for_nothing(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="exports", credits=20)
    with visit(browser, accept_downloads=True) as tab:
        page = tab.page
        enter(page, stack, key)
        page.set_input_files("#files", photographs(3))
        expect(page.locator(SUCCEEDED)).to_have_count(3)
        names = [image["metadata"]["filename"] for image in images_of(stack, key)]
        page.locator("image-card input").first.check()
        page.locator("image-card input").nth(1).check()
        page.click("#take")
        expect(page.locator("#export")).to_have_text("Export for 2 credits")
        page.select_option("[name=format]", "avif")
        page.fill("[name=widths]", "5")
        page.click("#sample")
        expect(page.locator("#download .note")).to_contain_text("from 16 to 16383")

        page.fill("[name=widths]", "120, 200")
        page.click("#sample")
        expect(page.locator(".made li")).to_have_count(6)
        expect(page.locator("#download .note")).to_contain_text("2 images, 6 files.")
        expect(page.locator("#download .note")).to_contain_text("No credit spent.")
        expect(page.locator("#balance")).to_have_text("17 credits")
        with page.expect_download() as waited:
            page.click(f".made >> text={names[0]}-120w.avif")
        with Image.open(waited.value.path()) as small:
            assert (small.format, small.width) == ("AVIF", 120)

        page.select_option("[name=format]", "webp")
        with page.expect_download() as waited:
            page.click("#export")
        expect(page.locator("#download .note")).to_contain_text("2 credits spent.")
        expect(page.locator("#balance")).to_have_text("15 credits")
        with zipfile.ZipFile(waited.value.path()) as opened:
            assert opened.testzip() is None
            assert set(opened.namelist()) == {"manifest.json"} | {
                f"{name}{width}.webp" for name in names[:2] for width in ("", "-120w", "-200w")
            }
        page.click("#download [data-go=close]")
        page.reload()
        expect(page.locator(SUCCEEDED)).to_have_count(3)  # an export is no analysis
        assert [job["action"] for job in api(stack, key, "/jobs")["data"]] == ["export", "sample", "analyze"]


def images_of(stack: Stack, key: str) -> list[Any]:
    [session] = api(stack, key, "/sessions?include=results")["data"]
    images: list[Any] = session["images"]
    return images


def test_a_reload_and_another_tab_find_the_job_and_cancel_it(
    browser: Any, make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env={"FORGE_SCRIPT": '{"delay_ms": 1500}', "FORGE_BATCH_SIZE": "1", "FORGE_WORKER_THREADS": "1"})
    key = make_key(stack.data)
    with visit(browser) as tab, visit(browser) as other:
        enter(tab.page, stack, key)
        tab.page.set_input_files("#files", photographs(4))
        expect(tab.page.locator(SUCCEEDED).first).to_be_visible()
        tab.page.reload()
        expect(tab.page.locator("image-card")).to_have_count(4)
        enter(other.page, stack, key)  # without the session's address
        for page in (tab.page, other.page):
            expect(page.locator(SUCCEEDED)).to_have_count(4)
            expect(page.locator("#run-title")).to_have_text("4 described. 4 credits spent.")
        assert len(api(stack, key, "/jobs")["data"]) == 1

        tab.page.set_input_files("#files", photographs(8))
        expect(tab.page.locator("image-card[data-status=processing]").first).to_be_visible()
        tab.page.click("#cancel")
        expect(tab.page.locator("#run-title")).to_contain_text("Cancelled: ")
        expect(tab.page.locator("#run-title")).to_contain_text("given back")
        expect(tab.page.locator("image-card .again").first).to_have_text("Try again")


def test_two_tabs_that_edit_one_image_lose_nothing(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="two-tabs")
    with visit(browser) as first, visit(browser) as second:
        enter(first.page, stack, key)
        first.page.set_input_files("#files", photographs(1))
        expect(first.page.locator(SUCCEEDED)).to_have_count(1)
        session = first.page.evaluate("() => location.hash")
        second.page.goto(f"{stack.urls[0]}/{session}&key={key}")
        for tab in (first, second):
            tab.page.locator("image-card .open").click()
            expect(tab.page.locator(".facts")).to_contain_text("scripted")
        for tab, words in ((first, "Words of the first tab"), (second, "Words of the second tab")):
            tab.page.fill("#field-alt", words)
            tab.page.keyboard.press("Tab")
            expect(tab.page.locator("#saved" if tab is first else ".conflict")).not_to_be_empty()

        expect(second.page.locator(".conflict p")).to_contain_text("Words of the first tab")
        assert second.page.input_value("#field-alt") == "Words of the second tab"
        second.page.click("[data-mine]")
        expect(second.page.locator("#saved")).to_have_text("Saved.")
        [image] = api(stack, key, f"/sessions/{session.partition('=')[2]}?include=results")["images"]
        assert (image["metadata"]["alt"], image["version"]) == ("Words of the second tab", 3)


def test_what_is_refused_is_a_sentence_and_sixty_images_are_not(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    poor, rich = make_key(stack.data, account="poor", credits=0), make_key(stack.data, account="rich", credits=100)
    images = files(*((f"{n}.jpg", data) for n, data in enumerate(colored_images(101))))
    with visit(browser) as tab:
        enter(tab.page, stack, poor)
        tab.page.set_input_files("#files", images[:2])
        expect(tab.page.locator("#notice")).to_contain_text("2 credits")
        expect(tab.page.locator(".again >> text=Describe")).to_have_count(2)
        tab.page.set_input_files("#files", images)
        expect(tab.page.locator("#notice")).to_contain_text("101 images")
        tab.page.set_input_files("#files", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}])
        expect(tab.page.locator("#notice")).to_contain_text("is an image")
        tab.page.click("#leave")
        expect(tab.page.locator("#gate")).to_be_visible()

        enter(tab.page, stack, rich)
        tab.page.set_input_files("#files", images[:60])
        expect(tab.page.locator(SUCCEEDED)).to_have_count(60)
        assert [job["total"] for job in api(stack, rich, "/jobs")["data"]] == [60]


def test_a_phone_and_the_keyboard_alone(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="phone")
    with visit(browser, viewport={"width": 400, "height": 800}, has_touch=True) as tab:
        page = tab.page
        enter(page, stack, key)
        page.set_input_files("#files", photographs(2))
        expect(page.locator(SUCCEEDED)).to_have_count(2)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.className") == "open":
                break
        page.keyboard.press("Enter")
        expect(page.locator("#detail-name")).to_have_text(SAMPLES[0].name)
        assert page.evaluate("() => document.querySelector('#detail').scrollWidth") <= 400
        expect(page.locator(".facts")).to_contain_text("scripted")
        page.keyboard.press("e")
        page.keyboard.type("Typed. ")
        page.keyboard.press("Escape")
        expect(page.locator("#saved")).to_have_text("Saved.")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#detail-name")).to_have_text(SAMPLES[1].name)
        page.keyboard.press("Escape")
        expect(page.locator("#detail")).to_be_hidden()
        page.wait_for_function("() => document.activeElement.className === 'open'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, stack: Stack, make_key: MakeKey, scheme: str) -> None:
    script = axe_script()
    with visit(browser, color_scheme=scheme, reduced_motion="reduce") as tab:
        page = tab.page
        page.goto(stack.urls[0])
        expect(page.locator("#gate")).to_be_visible()
        found = {"gate": violations(page, script)}
        enter(page, stack, make_key(stack.data, account=f"axe-{scheme}"))
        found["empty"] = violations(page, script)
        page.set_input_files("#files", photographs(2) + files(("cut.jpg", jpeg(size=(640, 480))[:-500])))
        expect(page.locator(SUCCEEDED)).to_have_count(2)
        expect(page.locator("#run-title")).to_contain_text("2 described")
        found["work"] = violations(page, script)
        page.locator("image-card .open").first.click()
        expect(page.locator(".facts")).to_contain_text("scripted")
        found["detail"] = violations(page, script)
        page.keyboard.press("Escape")
        page.click("#take")
        page.fill("[name=widths]", "100")
        page.click("#sample")
        expect(page.locator(".made li")).to_have_count(4)
        found["download"] = violations(page, script)
        page.keyboard.press("Escape")
        page.click("#show-history")
        expect(page.locator("#sessions > li")).to_have_count(1)
        found["history"] = violations(page, script)

        assert {name: list(problems) for name, problems in found.items() if problems} == {}


def test_options_of_the_panel_are_those_of_the_loaded_models(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    key = make_key(stack.data, account="panel", credits=20)
    with visit(browser, accept_downloads=True) as tab:
        page = tab.page
        enter(page, stack, key)
        page.click("#options summary")
        expect(page.locator("#option-keywords")).to_be_visible()
        expect(page.locator("#option-context")).to_be_hidden()  # the scripted models read none
        expect(page.locator("#option-language")).to_be_visible()
        assert violations(page, axe_script()) == []

        page.fill("#option-keywords", "elephant, unicorn")
        page.fill("#option-altMaxLength", "40")
        for field in ("caption", "description", "filename"):
            page.locator(f"#option-fields input[value={field}]").uncheck()
        page.check("#option-decorative")
        expect(page.locator("#options-count")).to_have_text("4 set")
        page.set_input_files("#files", files(("plain.jpg", jpeg("#ffffff", (700, 500)))))
        expect(page.locator(SUCCEEDED)).to_have_count(1)
        expect(page.locator(".badge.mine")).to_have_text("Decorative")
        expect(page.locator("image-card .name")).to_have_text("plain.jpg")

        rows = list(csv.DictReader(io.StringIO(download(page, "csv").decode("utf-8-sig"))))
        assert (rows[0]["alt"], rows[0]["decorative"], rows[0]["caption"]) == ("", "true", "")
        assert 'alt=""' in download(page, "html").decode()
        page.locator("image-card .open").first.click()
        expect(page.locator(".facts")).to_contain_text("decorative: no alt text")
        expect(page.locator(".facts")).to_contain_text("not used: elephant, unicorn")
        page.fill("#field-alt", "A white wall")
        page.keyboard.press("Tab")
        expect(page.locator("#saved")).to_have_text("Saved.")
        page.click("[data-go=close]")
        expect(page.locator("image-card .badge")).to_have_text("Edited")

        page.fill("#option-altMaxLength", "7")
        page.set_input_files("#files", photographs(1))
        expect(page.locator("#notice")).to_contain_text("altMaxLength takes a whole number from 40 to 250")
        expect(page.locator("#balance")).to_have_text("19 credits")
