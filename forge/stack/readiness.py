from collections.abc import Iterable

import httpx


def missing(urls: Iterable[str]) -> str | None:
    """What these web servers still wait for, in words; None when all of them are ready."""
    for url in urls:
        try:
            answer = httpx.get(f"{url}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return f"{url} does not answer yet."
        if answer.status_code != httpx.codes.OK:
            return f"{url}/readyz says {answer.status_code}: {sentence_of(answer)}"
    return None


def sentence_of(answer: httpx.Response) -> str:
    """The plain sentence of an error answer, or the beginning of its text where it has none."""
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300] or answer.reason_phrase
