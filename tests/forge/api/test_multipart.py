"""Every part of a form is an image of the answer or a clear error, however its client writes the headers."""

import base64
from typing import Any
from urllib.parse import quote

import pytest

from forge.api.multipart import MAX_PART_HEADER_BYTES
from forge.models import Session
from tests.forge.conftest import V1, ApiClient
from tests.images import jpeg

CHINESE = "猫" * 83
END = b"--limit--\r\n"


def part(disposition: str | bytes, content: bytes | None = None, *lines: bytes) -> bytes:
    value = disposition if isinstance(disposition, bytes) else disposition.encode()
    head = b"\r\n".join([b"--limit", b"Content-Disposition: " + value, *lines])
    return head + b"\r\n\r\n" + (jpeg() if content is None else content) + b"\r\n"


def named(filename: str) -> str:
    return f'form-data; name="images[]"; {filename}'


def post(api: ApiClient, *parts: bytes, end: bytes = END) -> Any:
    return api.generic("POST", f"{V1}/sessions/upload", b"".join(parts) + end, "multipart/form-data; boundary=limit")


ODD_NAMES: dict[str, tuple[str | bytes, str]] = {
    "Latin-1": (b'form-data; name="images[]"; filename="caf\xe9.png"', "café.png"),
    "UTF-8": (named('filename="café.png"'), "café.png"),
    "empty": (named('filename=""'), "image-2"),
    "none": ('form-data; name="images[]"', "image-2"),
    "dot": (named('filename="."'), "image-2"),
    "dots": (named('filename=".."'), "image-2"),
    "spaces": (named('filename="  "'), "image-2"),
    "a path": (named('filename="../../etc/x.png"'), "x.png"),
    "a Windows path": (named('filename="C:\\fake\\x.png"'), "x.png"),
    "a folder": (named('filename="dir/"'), "image-2"),
    "control characters": (named('filename="a\x01\x1b\x00b.png"'), "ab.png"),
    "bidirectional controls": (named('filename="a\u202egnp.\u2066b.png"'), "agnp.b.png"),
    "joiners": (named('filename="👩\u200d🚀.png"'), "👩\u200d🚀.png"),
    "a semicolon": (named('filename="a;b.png"'), "a;b.png"),
    "a quotation mark": (named('filename="a\\"b.png"'), 'a"b.png'),
    "an entity": (named('filename="a&amp;b.png"'), "a&amp;b.png"),
    "unquoted": (named("filename=a.png"), "a.png"),
    "capitals": ('FORM-DATA; NAME="images[]"; FILENAME="a.png"', "a.png"),
    "folded": ('form-data;\r\n name="images[]";\r\n\tfilename="a.png"', "a.png"),
    "RFC 5987": (named(f"filename*=UTF-8''{quote(CHINESE)}.png"), f"{CHINESE}.png"),
    "RFC 5987 in Latin-1": (named("filename*=iso-8859-1'fr'caf%E9.png"), "café.png"),
    "RFC 5987 first": (named("filename*=utf-8''b.png; filename=\"a.png\""), "b.png"),
    "RFC 5987, nothing": (named("filename=\"a.png\"; filename*=utf-8''"), "a.png"),
    "unknown charset": (named("filename*=klingon''a%20b.png"), "a b.png"),
    "no charset": (named("filename*=a%20b.png"), "a b.png"),
    "continuations": (named('filename*0="a"; filename*1="b.png"'), "ab.png"),
    ".NET": (
        named(
            f'filename="=?utf-8?B?{base64.b64encode(f"{CHINESE}.png".encode()).decode()}?="; '
            f"filename*=utf-8''{quote(CHINESE)}.png"
        ),
        f"{CHINESE}.png",
    ),
    "an encoded word": (named('filename="=?utf-8?Q?caf=C3=A9.png?="'), "café.png"),
    "a broken encoded word": (named('filename="=?utf-8?B?%%%?="'), "=?utf-8?B?%%%?="),
    "255 characters outside the BMP": (named(f"filename*=utf-8''{quote('🐈' * 251)}.png"), "🐈" * 251 + ".png"),
    "too long": (named(f'filename="{"猫" * 300}.png"'), "猫" * 251 + ".png"),
}


@pytest.mark.parametrize("case", ODD_NAMES)
def test_a_part_with_an_odd_name_is_an_image(api: ApiClient, case: str) -> None:
    disposition, name = ODD_NAMES[case]

    response = post(api, part(named('filename="a.png"')), part(disposition), part(named('filename="c.png"')))

    assert response.status_code == 201, response.content
    assert [image["originalFilename"] for image in response.json()["images"]] == ["a.png", name, "c.png"]


FIRST = part(named('filename="a.png"'))
REFUSED: dict[str, tuple[list[bytes], bytes, str]] = {
    "in another field": ([FIRST, part('form-data; name="file"; filename="b.png"')], END, "«file»"),
    "no name": ([FIRST, part('form-data; filename="b.png"')], END, "Part 2"),
    "no headers": ([FIRST, b"--limit\r\n\r\n" + jpeg() + b"\r\n"], END, "Part 2"),
    "headers without an end": ([FIRST, b"--limit\r\nContent-Disposition: form-data\r\n"], END, "Part 2"),
    "long headers": (
        [FIRST, part(named('filename="b.png"'), None, b"X: " + b"x" * MAX_PART_HEADER_BYTES)],
        END,
        "headers",
    ),
    "base64": (
        [FIRST, part(named('filename="b.png"'), base64.b64encode(jpeg()), b"Content-Transfer-Encoding: base64")],
        END,
        "Content-Transfer-Encoding",
    ),
    "no closing boundary": ([FIRST, FIRST], b"", "incomplete"),
    "cut in a part": ([FIRST, FIRST[:-200]], b"", "incomplete"),
    "another boundary": ([FIRST.replace(b"--limit", b"--other")], END.replace(b"limit", b"other"), "incomplete"),
    "no parts": ([], END, "at least one file"),
    "empty": ([], b"", "at least one file"),
    "a text field only": ([part('form-data; name="title"', b"text")], END, "at least one file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_image_is_refused_and_named(api: ApiClient, case: str) -> None:
    parts, end, named_in_sentence = REFUSED[case]

    response = post(api, *parts, end=end)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request"), response.content
    assert named_in_sentence in response.json()["error"]
    assert not Session.objects.exists()


@pytest.mark.parametrize(("fields", "size"), [(1, 3000), (3, 1000), (20, 0)])
def test_text_fields_are_bounded_in_all(api: ApiClient, settings: Any, fields: int, size: int) -> None:
    settings.FORGE_MAX_JSON_BYTES = 2500
    response = post(api, FIRST, *[part('form-data; name="title"', b"x" * size)] * fields)

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")
    assert response.json()["limit"] == 2500


def test_text_fields_and_preamble_are_ignored(api: ApiClient) -> None:
    response = post(api, b"preamble\r\n", FIRST, part('form-data; name="title"', "ü".encode()))

    assert response.status_code == 201
    assert len(response.json()["images"]) == 1


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="a\x01"']
)
def test_a_form_without_a_boundary_is_refused(api: ApiClient, content_type: str) -> None:
    response = api.generic("POST", f"{V1}/sessions/upload", FIRST + END, content_type)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
    assert "boundary" in response.json()["error"]
