"""What FORGE_STORAGE_URL and REDIS_URL may be, and what redis-py and kombu make of it."""

import pytest

from config.redis_address import parse_redis_url
from config.storage_address import parse_storage_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///srv/shared%20files", {"folder": "/srv/shared files"}),
        ("s3://photos", {"bucket": "photos", "prefix": "", "endpoint": None, "region": None}),
        (
            "s3://photos/a/b/?endpoint=https://s3.example.com:9000&region=eu-central-1",
            {"bucket": "photos", "prefix": "a/b", "endpoint": "https://s3.example.com:9000", "region": "eu-central-1"},
        ),
    ],
)
def test_storage_addresses(url: str, expected: dict[str, str | None]) -> None:
    assert parse_storage_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "/srv/shared", "file://host/folder", "file:///", "file:relative", "http://photos", "s3://", "s3:///prefix",
        "s3://key:secret@photos", "s3://photos?endpoint=s3.example.com", "s3://photos?endpoint=https://a:b@s3",
        "s3://photos?endpoint=https://s3:port", "s3://photos?secret=1", "s3://photos?region", "s3://photos#x",
    ],
)  # fmt: skip
def test_other_storage_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (env.storage_url has the sentence)
        parse_storage_url(url)


@pytest.mark.parametrize(
    "url",
    ["redis+sentinel://a", "redis+sentinel:///main", "redis+sentinel://a:b:c/main", "redis+sentinel://a:x/main",
     "redis+sentinel://a,,b/main", "redis+sentinel://a/main/x", "redis://a?ssl_ca_certs=/ca", "rediss://a?other=1",
     "sentinel://a/main", "unix:///socket"],
)  # fmt: skip
def test_other_redis_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (env.redis_url has the sentence)
        parse_redis_url(url)


def test_a_server_with_tls_and_a_password() -> None:
    address = parse_redis_url("rediss://forge:p%40ss%2F@redis.example.com:6380/2?ssl_ca_certs=/etc/ca.pem")

    assert address.options == {
        "host": "redis.example.com", "port": 6380, "db": 2, "username": "forge", "password": "p@ss/",
        "ssl": True, "ssl_ca_certs": "/etc/ca.pem",
    }  # fmt: skip
    assert address.broker_url == "rediss://forge:p%40ss%2F@redis.example.com:6380/2"
    assert address.broker_ssl == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/etc/ca.pem"}
    assert address.broker_options == {}


def test_sentinels() -> None:
    address = parse_redis_url(
        "rediss+sentinel://:p%3Bss@one,two:5000,[::1]:7/main/3?sentinel_password=s&ssl_ca_certs=/ca"
    )

    assert address.sentinels == (("one", 26379), ("two", 5000), ("::1", 7))
    assert (address.service, address.options["db"], address.options["password"]) == ("main", 3, "p;ss")
    assert address.broker_url.split(";") == [
        "sentinel://:p%3Bss@one:26379/3", "sentinel://:p%3Bss@two:5000/3", "sentinel://:p%3Bss@[::1]:7/3",
    ]  # fmt: skip
    assert address.broker_options == {
        "master_name": "main",
        "sentinel_kwargs": {"ssl": True, "ssl_ca_certs": "/ca", "password": "s"},
    }
