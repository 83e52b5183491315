"""Options are read in one form, or refused with their name and what is accepted."""

from typing import Any

import pytest

from analysis_options import FAMILIES, OPTIONS, OptionError, options_merge, options_parse, unsupported_option

LONG = "a" * 1_001


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        (None, {}),
        ({}, {}),
        ({"language": None, "tagCount": None}, {}),
        ({"language": "PT-br"}, {"language": "pt-BR"}),
        ({"language": "zh-hant-tw"}, {"language": "zh-Hant-TW"}),
        ({"languages": ["EN", "de", "ja"]}, {"languages": ["en", "de", "ja"]}),
        ({"languages": ["de"]}, {"language": "de"}),
        ({"context": "  Two\n lines\u0000 and \u202etext "}, {"context": "Two lines and text"}),
        ({"context": "a" * 1_000}, {"context": "a" * 1_000}),
        ({"context": "a\u200cb"}, {"context": "a\u200cb"}),
        ({"keywords": ["Acme  Mug", "acme mug", "cup"]}, {"keywords": ["Acme Mug", "cup"]}),
        ({"excludedKeywords": []}, {"excludedKeywords": []}),
        ({"altMaxLength": 40}, {"altMaxLength": 40}),
        ({"altMaxLength": 250}, {"altMaxLength": 250}),
        ({"tagCount": 30}, {"tagCount": 30}),
        ({"fields": ["seoTags", "alt", "alt"]}, {"fields": ["alt", "seoTags"]}),
        ({"genderNeutral": False, "overwriteEdits": True}, {"genderNeutral": False, "overwriteEdits": True}),
    ],
)
def test_options_have_one_form(given: Any, parsed: dict[str, Any]) -> None:
    assert options_parse(given) == parsed


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ([], "options"),
        ("language=de", "options"),
        ({"langauge": "de"}, "langauge"),
        ({"language": "xx"}, "language"),
        ({"language": "klingon"}, "language"),
        ({"language": "en_US"}, "language"),
        ({"language": ["de"]}, "language"),
        ({"language": "de" + "-x" * 40}, "language"),
        ({"languages": []}, "languages"),
        ({"languages": ["de", "DE"]}, "languages"),
        ({"languages": ["de", "xx"]}, "languages"),
        ({"languages": "de,en"}, "languages"),
        ({"languages": ["en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "fi", "pl"]}, "languages"),
        ({"languages": ["en", "de"], "language": "en"}, "languages"),
        ({"decorative": True}, "decorative"),
        ({"useEmbedded": "auto"}, "useEmbedded"),
        ({"context": LONG}, "context"),
        ({"context": 7}, "context"),
        ({"keywords": "cup"}, "keywords"),
        ({"keywords": [str(number) for number in range(1_000)]}, "keywords"),
        ({"keywords": ["a" * 61]}, "keywords"),
        ({"keywords": ["!!"]}, "keywords"),
        ({"keywords": [None]}, "keywords"),
        ({"keywords": ["Cup"], "excludedKeywords": ["cup"]}, "excludedKeywords"),
        ({"altMaxLength": 39}, "altMaxLength"),
        ({"altMaxLength": 251}, "altMaxLength"),
        ({"altMaxLength": "80"}, "altMaxLength"),
        ({"altMaxLength": True}, "altMaxLength"),
        ({"altMaxLength": 80.0}, "altMaxLength"),
        ({"tagCount": 0}, "tagCount"),
        ({"fields": []}, "fields"),
        ({"fields": ["alt", "keywords"]}, "fields"),
        ({"fields": ["title"], "altMaxLength": 80}, "altMaxLength"),
        ({"fields": ["title"], "tagCount": 5}, "tagCount"),
        ({"genderNeutral": "yes"}, "genderNeutral"),
        ({"overwriteEdits": 1}, "overwriteEdits"),
    ],
)
def test_a_wrong_option_is_named_with_the_accepted_values(given: Any, option: str) -> None:
    with pytest.raises(OptionError) as raised:
        options_parse(given)
    assert raised.value.option == option
    assert raised.value.accepted
    if (
        option in OPTIONS
        and "»" not in str(raised.value)
        and "exclude" not in str(raised.value)
        and "leaves out" not in str(raised.value)
    ):
        assert raised.value.accepted in str(raised.value)


def test_a_request_wins_over_the_defaults_of_its_account() -> None:
    defaults = {"language": "de", "excludedKeywords": ["cheap", "sale"], "tagCount": 5}

    merged = options_merge(defaults, {"tagCount": 8, "keywords": ["Cheap"]})

    assert options_merge({"languages": ["en", "de"]}, {"language": "fr"}) == {"language": "fr"}
    assert options_merge({"language": "fr"}, {"languages": ["en", "de"]}) == {"languages": ["en", "de"]}
    assert merged == {"language": "de", "keywords": ["Cheap"], "excludedKeywords": ["sale"], "tagCount": 8}


@pytest.mark.parametrize(
    ("family", "options", "option"),
    [
        ("embedded", {"language": "en"}, None),
        ("embedded", {"language": "en-GB"}, None),
        ("blip-clip", {"languages": ["en-AU", "en-US"]}, None),
        ("embedded", {"language": "en-FR"}, "language"),
        ("embedded", {"language": "de"}, "language"),
        ("embedded", {"languages": ["en", "de"]}, "languages"),
        ("vision-server", {"languages": ["en", "de"]}, None),
        ("blip-clip", {"context": "A mug"}, "context"),
        ("blip-clip", {"context": ""}, None),
        ("embedded", {"keywords": ["mug"], "altMaxLength": 80, "fields": ["alt"], "genderNeutral": False}, None),
        ("vision-server", {"language": "zh-Hant-TW", "context": "A mug"}, None),
        ("transformers", {"languages": ["zh-Hant-TW", "en"], "context": "A mug", "decorative": "auto"}, None),
        ("florence-2", {"language": "de"}, "language"),
        ("florence-2", {"keywords": ["mug"]}, "keywords"),
        ("florence-2", {"excludedKeywords": ["mug"], "altMaxLength": 80, "genderNeutral": False}, None),
    ],
)
def test_what_a_family_cannot_do(family: str, options: dict[str, Any], option: str | None) -> None:
    problem = unsupported_option(options, FAMILIES[family])

    assert (problem and problem.option) == option
