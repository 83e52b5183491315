"""Parse REDIS_URL into what redis-py and kombu take."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from redis.connection import parse_url

ACCEPTED = (
    "redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER], rediss://… for TLS with ?ssl_ca_certs=FILE where the "
    "system does not trust its authority, or redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/SERVICE[/NUMBER]"
)
_SENTINEL_PORT = 26379
_SSL_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"}


@dataclass(frozen=True)
class RedisAddress:
    """`options`: of a redis-py client, TLS included. `sentinels`: none for a server that is named itself."""

    options: dict[str, Any] = field(default_factory=dict)
    is_tls: bool = False
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_password: str | None = None

    @property
    def ssl(self) -> dict[str, Any]:
        return {name: value for name, value in self.options.items() if name.startswith("ssl_")}

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """Return the options of clients of the sentinels themselves."""
        password = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {**({"ssl": True} if self.is_tls else {}), **self.ssl, **password}

    @property
    def broker_url(self) -> str:
        """Return kombu's form; its TLS options are in `broker_ssl`."""
        name, password = (quote(self.options.get(key, ""), safe="") for key in ("username", "password"))
        user = f"{name}:{password}@" if name or password else ""
        number = self.options.get("db", 0)
        if self.sentinels:
            return ";".join(f"sentinel://{user}{_netloc(host)}:{port}/{number}" for host, port in self.sentinels)
        host, port = _netloc(self.options.get("host", "localhost")), self.options.get("port", 6379)
        return f"{'rediss' if self.is_tls else 'redis'}://{user}{host}:{port}/{number}"

    @property
    def broker_ssl(self) -> dict[str, Any] | None:
        return {"ssl_cert_reqs": "required", **self.ssl} if self.is_tls else None

    @property
    def broker_options(self) -> dict[str, Any]:
        if not self.sentinels:
            return {}
        return {"master_name": self.service, "sentinel_kwargs": self.sentinel_options}


def parse_redis_url(url: str) -> RedisAddress:
    """Return the parts of REDIS_URL. Raises ValueError."""
    # A newer urlsplit refuses brackets anywhere but around one whole host: "one,[::1]:7" is a list of hosts.
    scheme, _, rest = url.partition("://")
    netloc = re.split("[/?#]", rest, maxsplit=1)[0]
    is_sentinel = scheme in {"redis+sentinel", "rediss+sentinel"}
    parts = urlsplit(f"{scheme}://sentinels{rest.removeprefix(netloc)}" if is_sentinel else url)
    given = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    is_tls = parts.scheme.startswith("rediss")
    accepted = (_SSL_OPTIONS if is_tls else set()) | ({"sentinel_password"} if is_sentinel else set())
    if (parts.scheme not in {"redis", "rediss"} and not is_sentinel) or set(given) - accepted:
        raise ValueError("scheme or options")
    if not is_sentinel:
        # kombu requires a number where redis-py ignores any other path.
        if not re.fullmatch(r"(/\d*)?", parts.path):
            raise ValueError("path")
        options = parse_url(url)  # type: ignore[no-untyped-call]
        options.pop("connection_class", None)
        return RedisAddress({**options, **({"ssl": True} if is_tls else {})}, is_tls)
    return _sentinel_address(netloc, parts.path, given, is_tls)


def _sentinel_address(netloc: str, service: str, given: dict[str, str], is_tls: bool) -> RedisAddress:
    path = re.fullmatch(r"/([\w.-]+)(?:/(\d+))?", service)
    user, _, hosts = netloc.rpartition("@")
    found = [re.fullmatch(r"(\[[^\]]+\]|[^:\[\],@]+)(?::(\d{1,5}))?", host) for host in hosts.split(",")]
    if path is None or None in found:
        raise ValueError("sentinels or service")
    sentinels = tuple((one[1].strip("[]"), int(one[2] or _SENTINEL_PORT)) for one in found if one)
    name, _, password = user.partition(":")
    options: dict[str, Any] = {key: unquote(text) for key, text in (("username", name), ("password", password)) if text}
    options |= {"db": int(path[2] or 0), **({"ssl": True} if is_tls else {})}
    options |= {key: value for key, value in given.items() if key in _SSL_OPTIONS}
    return RedisAddress(options, is_tls, sentinels, path[1], given.get("sentinel_password"))


def _netloc(host: str) -> str:
    return f"[{host}]" if ":" in host else host
