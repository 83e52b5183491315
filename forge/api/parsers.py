"""Request bodies: JSON as its RFC has it."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class StrictJsonParser(JSONParser):
    """JSON in UTF-8 (RFC 8259), whatever charset the media type names, and without unpaired surrogates.

    A string with half of a surrogate pair is no Unicode text: neither a database nor a response can hold it.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        data = super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8-sig"})
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - a string holds half of a surrogate pair.") from error
        return data
