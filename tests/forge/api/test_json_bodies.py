"""Bodies that are no JSON of Unicode text are refused, and nothing of them comes back unescaped."""

from typing import Any

import pytest

from tests.forge.conftest import V1, ApiClient


def check(api: ApiClient, body: bytes, kind: str = "application/json") -> Any:
    return api.generic("POST", f"{V1}/credits/check", body, kind)


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00", "x\\ud83d", "\\ud83d\\ud83d"])
@pytest.mark.parametrize(
    "body", ['{{"action": "{}", "imageCount": 1}}', '{{"{}": 1}}', '["{}"]', '{{"a": [{{"b": "{}"}}]}}']
)
def test_half_of_a_surrogate_pair_is_refused(api: ApiClient, body: str, text: str) -> None:
    response = check(api, body.format(text).encode())

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert response.content.decode()


def test_a_surrogate_pair_is_one_character(api: ApiClient) -> None:
    response = check(api, b'{"action": "\\ud83d\\udc08", "imageCount": 1}')

    assert response.status_code == 400
    assert "🐈" in response.json()["error"]


def test_a_callers_control_characters_come_back_escaped(api: ApiClient) -> None:
    response = check(api, b'{"action": "\\u001b[31m\\n\\u009b", "imageCount": 1}')

    assert response.status_code == 400
    assert not {char for char in response.content.decode() if not char.isprintable()}


@pytest.mark.parametrize(
    "kind", ["application/json; charset=hex", "application/json; charset=utf-16", "application/json"]
)
def test_json_is_utf_8_with_or_without_a_byte_order_mark(api: ApiClient, kind: str) -> None:
    body = b'{"action": "analyze", "imageCount": 1}'

    assert check(api, body, kind).status_code == 200
    assert check(api, b"\xef\xbb\xbf" + body, kind).status_code == 200
    assert check(api, body.decode().encode("utf-16"), kind).status_code == 400
