"""How images get into the studio: drag, paste and folders; and its memory over many of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge.stack import Stack
from tests.e2e.browser import chromium, needs_chromium, visit
from tests.e2e.client import colored_images
from tests.e2e.conftest import MakeKey
from tests.e2e.test_studio import SAMPLES, SUCCEEDED, enter, expect, files

pytestmark = [pytest.mark.e2e, needs_chromium]

ROUNDS, CARDS = 5, 100
# A card without its image's pixels; what each round of cards leaves behind must stay below.
MOST_LEFT_BYTES = 1_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two images, one of them in a folder below, and a text."""
    below = tmp_path / "holiday" / "below"
    below.mkdir(parents=True)
    (tmp_path / "holiday" / "cat.jpg").write_bytes(SAMPLES[0].read_bytes())
    (below / "coffee.jpg").write_bytes(SAMPLES[1].read_bytes())
    (below / "notes.txt").write_text("no image")
    return tmp_path / "holiday"


def drop(page: Any, *paths: Path) -> None:
    """Drag files or folders from the desktop onto the page."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


PASTE = """({into, names}) => {
  const transfer = new DataTransfer();
  for (const [name, color] of names) {
    const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 48});
    const context = canvas.getContext('2d');
    context.fillStyle = color;
    context.fillRect(0, 0, 64, 48);
    const bytes = Uint8Array.from(atob(canvas.toDataURL('image/png').split(',')[1]), (char) => char.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type: 'image/png'}));
  }
  document.querySelector(into).dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}));
}"""


def test_files_and_a_folder_are_dropped(browser: Any, stack: Stack, make_key: MakeKey, folder: Path) -> None:
    with visit(browser) as tab:
        enter(tab.page, stack, make_key(stack.data, account="dropping"))
        drop(tab.page, folder)
        expect(tab.page.locator(SUCCEEDED)).to_have_count(2)
        expect(tab.page.locator("#run-title")).to_have_text("2 described. 2 credits spent.")
        drop(tab.page, SAMPLES[2])
        expect(tab.page.locator(SUCCEEDED)).to_have_count(1)
        expect(tab.page.locator("image-card")).to_contain_text(SAMPLES[2].name)
        drop(tab.page, folder / "below" / "notes.txt")
        expect(tab.page.locator("#notice")).to_contain_text("None of these 1 file is an image")


def test_a_folder_is_picked(browser: Any, stack: Stack, make_key: MakeKey, folder: Path) -> None:
    with visit(browser) as tab:
        enter(tab.page, stack, make_key(stack.data, account="picking"))
        tab.page.set_input_files("#folder", folder)
        expect(tab.page.locator(SUCCEEDED)).to_have_count(2)


def test_a_folder_of_thousands_is_a_sentence(browser: Any, stack: Stack, make_key: MakeKey, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(5000):
        (many / f"{number}.jpg").touch()
    with visit(browser) as tab:
        enter(tab.page, stack, make_key(stack.data, account="thousands"))
        drop(tab.page, many)
        expect(tab.page.locator("#notice")).to_contain_text("These are 5,000 images. Drop up to 100 at a time.")


def test_images_are_pasted_but_not_into_a_field(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    with visit(browser) as tab:
        enter(tab.page, stack, make_key(stack.data, account="pasting"))
        names = [["one.png", "#802010"], ["two.png", "#108020"]]
        tab.page.evaluate(PASTE, {"into": "body", "names": names})
        expect(tab.page.locator(SUCCEEDED)).to_have_count(2)
        tab.page.evaluate(PASTE, {"into": "#query", "names": [["field.png", "#201080"]]})
        tab.page.evaluate(PASTE, {"into": "body", "names": [["three.png", "#808020"]]})
        expect(tab.page.locator(SUCCEEDED)).to_have_count(1)
        expect(tab.page.locator("image-card")).to_contain_text("three.png")


def test_the_heap_is_flat_over_five_hundred_cards(browser: Any, stack: Stack, make_key: MakeKey) -> None:
    images = files(*((f"{n}.jpg", data) for n, data in enumerate(colored_images(CARDS))))
    with visit(browser) as tab:
        enter(tab.page, stack, make_key(stack.data, account="heap"))
        session = tab.page.context.new_cdp_session(tab.page)
        session.send("HeapProfiler.enable")
        heap, nodes = [], []
        for _ in range(ROUNDS):
            tab.page.set_input_files("#files", images)
            expect(tab.page.locator("#run-title")).to_have_text(f"{CARDS} described. {CARDS} credits spent.")
            tab.page.set_input_files("#files", images[:1])  # replaces the cards
            expect(tab.page.locator("#run-title")).to_have_text("1 described. 1 credit spent.")
            session.send("HeapProfiler.collectGarbage")
            counters = session.send("Memory.getDOMCounters")
            heap.append(session.send("Runtime.getHeapUsage")["usedSize"])
            nodes.append(counters["nodes"])

    assert max(heap[1:]) - heap[0] < MOST_LEFT_BYTES, heap
    assert max(nodes[1:]) - nodes[0] < CARDS, nodes
