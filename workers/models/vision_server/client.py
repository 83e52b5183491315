"""One chat completion of an OpenAI-compatible server, bounded in time and bytes.

Errors of one request:

    RequestError
    ├── Away         no connection, or a server that is starting or stopping (502, 503, 504)
    ├── Busy         429: try again, after `retry_after` seconds where the server names them
    ├── Broken       500 and other server errors: perhaps this image, perhaps not
    ├── Refused      the key, address or model is not accepted (401, 403, 404): a setting is wrong
    ├── TooLarge     413, or 400 about the image's size
    ├── NotAccepted  400 and 422: the request is not one the server understands
    └── Slow         no complete answer by the deadline
"""

import email.utils
import json
import re
import time
from typing import Any

import httpx

from workers.models.prompting.repair import Completion

MAX_RESPONSE_BYTES = 1_000_000
CONNECT_S = 5.0
PROBE_S = 5.0
_ABOUT_SIZE = re.compile(r"(?i)image.{0,40}(?:too (?:large|big)|size|limit|exceed)|too (?:large|big).{0,40}image")


class RequestError(Exception):
    """Base of the errors of one request. `retry_after`: seconds that the server asks for."""

    def __init__(self, message: str, retry_after: float = 0.0, *, interrupted: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.interrupted = interrupted


class Away(RequestError):
    """`interrupted`: the connection was there and broke."""


class Busy(RequestError): ...


class Broken(RequestError): ...


class Refused(RequestError): ...


class TooLarge(RequestError): ...


class NotAccepted(RequestError): ...


class Slow(RequestError): ...


class ChatClient:
    """Requests to one server. Thread-safe. The key is sent as a bearer token and is in no message or repr."""

    def __init__(self, url: str, key: str, *, connections: int) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx.Limits(max_connections=connections + 1, max_keepalive_connections=connections)
        self._http = httpx.Client(headers=headers, limits=limits, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def complete(self, body: dict[str, Any], deadline: float) -> Completion:
        """Request a completion by `deadline`, of time.monotonic. Raises RequestError."""
        status, headers, content = self._request("POST", "/chat/completions", body, deadline)
        if status != 200:
            raise _error_of(status, headers, content)
        return _completion(content)

    def probe(self) -> None:
        """Request the list of models. Raises Away, Refused or Slow; a server without such a list responds, too."""
        status, headers, content = self._request("GET", "/models", None, time.monotonic() + PROBE_S)
        if status in {401, 403} or status >= 500:
            raise _error_of(status, headers, content)

    def models(self) -> list[str] | None:
        """Return the names of the server's models; None where it has no such list. Raises RequestError."""
        status, _, content = self._request("GET", "/models", None, time.monotonic() + PROBE_S)
        try:
            names = [str(entry["id"]) for entry in json.loads(content)["data"]]
        except (ValueError, RecursionError, LookupError, TypeError):
            return None
        return names if status == 200 else None

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None, deadline: float
    ) -> tuple[int, httpx.Headers, bytes]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Slow("no answer by the deadline")
        timeout = httpx.Timeout(left, connect=min(CONNECT_S, left))
        try:
            with self._http.stream(method, f"{self._url}{path}", json=body, timeout=timeout) as response:
                return response.status_code, response.headers, _read(response, deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(f"no connection to it ({_reason(error)})") from error
        except httpx.TimeoutException as error:
            raise Slow("no answer by the deadline") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Away(f"the connection to it broke ({_reason(error)})", interrupted=True) from error


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Read a body of at most MAX_RESPONSE_BYTES, decompressed. A read timeout alone would not end one that drips."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise Broken(f"its answer has more than {MAX_RESPONSE_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise Slow("no complete answer by the deadline")
    return bytes(content)


def _completion(content: bytes) -> Completion:
    """Return the first choice of a completion. Raises Broken where the body is no completion."""
    try:
        choice = json.loads(content)["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise Broken("its answer is no chat completion") from error
    if isinstance(text, list):  # of parts
        text = "".join(part["text"] for part in text if isinstance(part, dict) and isinstance(part.get("text"), str))
    return Completion(
        text=text if isinstance(text, str) else "",
        is_cut_off=choice.get("finish_reason") == "length",
        is_refusal=bool(refusal) or choice.get("finish_reason") == "content_filter",
    )


def _error_of(status: int, headers: httpx.Headers, content: bytes) -> RequestError:
    """Return the error of a response. The body is not repeated: it may contain the request, with the image."""
    wait = _retry_after(headers.get("Retry-After", ""))
    if status == 429:
        return Busy("it has too many requests (429)", wait)
    if status in {502, 503, 504}:
        return Away(f"it is not available ({status})", wait)
    if status >= 500:
        return Broken(f"it failed ({status})", wait)
    if status in {401, 403}:
        return Refused(f"it does not accept FORGE_VISION_KEY ({status})")
    if status == 404:
        return Refused("it does not have FORGE_VISION_MODEL, or FORGE_VISION_URL has another path (404)")
    if status == 413 or (status == 400 and _ABOUT_SIZE.search(content[:4096].decode(errors="replace"))):
        return TooLarge(f"the image is too large for it ({status})")
    if 300 <= status < 400:
        return Refused(f"FORGE_VISION_URL redirects ({status}); name the address itself")
    return NotAccepted(f"it does not accept the request ({status})")


def _retry_after(value: str) -> float:
    """Return the seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); 0 for another value."""
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
