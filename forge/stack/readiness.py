from collections.abc import Iterable

import httpx


def not_ready_reason(urls: Iterable[str]) -> str | None:
    """Return what these web servers still wait for, as a sentence; None when all are ready."""
    for url in urls:
        try:
            response = httpx.get(f"{url}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return f"{url} does not respond yet."
        if response.status_code != httpx.codes.OK:
            return f"{url}/readyz returns {response.status_code}: {error_sentence(response)}"
    return None


def error_sentence(response: httpx.Response) -> str:
    """Return the contract's error sentence, or the beginning of the text where the response has none."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text[:300] or response.reason_phrase
