"""Languages in the studio: regions of English with the scripted models, translations with a vision server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.browser import axe_script, chromium, needs_chromium, violations, visit
from tests.e2e.conftest import MakeKey, MakeStack
from tests.e2e.test_options import GERMAN, environment, in_language
from tests.e2e.test_studio import SUCCEEDED, download, enter, expect, photographs
from tests.vision_server import ANSWER, Scripted, scripted_server

pytestmark = [pytest.mark.e2e, needs_chromium]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def add_language(page: Any, tag: str) -> None:
    page.select_option("#option-another", tag)
    page.click("#option-add")


def test_translations_are_asked_for_and_shown_with_their_language(
    browser: Any, make_stack: MakeStack, make_key: MakeKey
) -> None:
    servers: list[Scripted] = []
    with scripted_server(lambda number: in_language(lambda: servers[0], number)) as server:
        servers.append(server)
        stack = make_stack(env=environment(server.url))
        key = make_key(stack.data, account="languages", credits=20)
        with visit(browser, accept_downloads=True, locale="en-US") as tab:
            page = tab.page
            enter(page, stack, key)
            page.click("#options summary")
            page.fill("#option-context", "A bicycle of Ann")
            add_language(page, "de")
            assert page.input_value("#option-language") == "en"
            add_language(page, "fr")
            page.get_by_role("button", name="Without French").click()
            add_language(page, "ja")
            expect(page.locator("#option-languages li")).to_have_count(2)
            expect(page.locator("#option-cost")).to_have_text("3 credits an image: one for each language.")
            assert violations(page, axe_script()) == []

            page.set_input_files("#files", photographs(1))
            expect(page.locator(SUCCEEDED)).to_have_count(1)
            expect(page.locator("#run-title")).to_have_text("1 described. 2 credits spent, 1 given back.")
            page.locator("image-card .open").click()
            expect(page.locator(".facts")).to_contain_text("confident")
            expect(page.locator(".translation summary")).to_have_text("German")
            expect(page.locator(".translations .wrong")).to_contain_text("Japanese: The models found no words")
            page.locator(".translation summary").press("Enter")
            german = page.locator(".translation p[lang=de]")
            assert german.all_text_contents() == [
                *(GERMAN[name] for name in ("title", "alt", "caption", "description")),
                ", ".join(GERMAN["seoTags"]),
            ]
            expect(page.locator("#field-alt")).to_have_value(str(ANSWER["alt"]))
            expect(page.locator("#field-alt")).to_have_attribute("lang", "en")
            assert violations(page, axe_script()) == []
            page.click("#detail [data-go=close]")

            table = download(page, "csv").decode("utf-8-sig").splitlines()
            assert table[0].endswith(',"title (de)","alt (de)","caption (de)","description (de)","seoTags (de)"')
            assert str(GERMAN["alt"]) in table[1]
            page.locator("image-card .open").click()
            expect(german.first).to_be_visible()  # what was open stays so
            page.reload()
            page.locator("image-card .open").click()
            expect(page.locator(".translation summary")).to_have_text("German")
            assert "A bicycle of Ann" in str(server.requests[0][1])


def test_models_of_english_alone_offer_its_regions(browser: Any, make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack()
    with visit(browser, locale="en-US", viewport={"width": 400, "height": 800}) as tab:
        page = tab.page
        enter(page, stack, make_key(stack.data, account="regions", credits=20))
        page.locator("#options summary").press("Enter")
        page.select_option("#option-language", "en-GB")
        expect(page.locator("#option-another option[value=de]")).to_have_count(0)
        add_language(page, "en-US")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 400

        page.set_input_files("#files", photographs(1))
        expect(page.locator("#run-title")).to_have_text("1 described. 2 credits spent.")
        page.locator("image-card .open").click()
        page.locator(".translation summary").press("Enter")
        british, american = page.input_value("#field-description"), page.locator("p[lang=en-US]").nth(3).text_content()
        assert ("colour" in british, "color" in american) == (True, True), (british, american)
        expect(page.locator("#field-description")).to_have_attribute("lang", "en-GB")
        assert page.evaluate("() => document.querySelector('#detail').scrollWidth") <= 400
