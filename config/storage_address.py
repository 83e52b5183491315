"""Parse FORGE_STORAGE_URL, and Django's settings of the storage that it names."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ACCEPTED = (
    "file:///FOLDER, or s3://BUCKET[/PREFIX] with ?endpoint=https://HOST[:PORT] and &region=NAME where needed; "
    "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)


def parse_storage_url(url: str) -> dict[str, Any]:
    """Return {"folder"} or {"bucket", "prefix", "endpoint", "region"}. Raises ValueError."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise ValueError("credentials or a fragment")
    if (
        parts.scheme == "file"
        and not parts.netloc
        and not parts.query
        and parts.path.strip("/")
        and url.startswith("file:///")
    ):
        return {"folder": unquote(parts.path)}
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    if parts.scheme != "s3" or not parts.netloc or set(options) - {"endpoint", "region"}:
        raise ValueError("neither a folder nor a bucket")
    endpoint = urlsplit(options.get("endpoint", "https://s3"))
    if endpoint.scheme not in {"http", "https"} or not endpoint.hostname or endpoint.username or endpoint.query:
        raise ValueError("the endpoint")
    _ = endpoint.port  # raises ValueError
    return {
        "bucket": parts.netloc,
        "prefix": unquote(parts.path).strip("/"),
        "endpoint": options.get("endpoint"),
        "region": options.get("region"),
    }


def storage_settings(address: dict[str, Any]) -> dict[str, Any]:
    """Return Django's settings for what parse_storage_url returned, or for {}, a folder."""
    uploads: dict[str, Any] = {
        "BACKEND": "forge.storage.local.LocalStorage",
        # Uploads are private: other users of this machine cannot read them.
        "OPTIONS": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    }
    if "bucket" in address:
        uploads = {"BACKEND": "forge.storage.s3.S3Storage", "OPTIONS": address}
    return {
        "default": uploads,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
