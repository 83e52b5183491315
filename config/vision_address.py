"""Check the address, model and key of a vision server, and the name of a checkpoint.

Error messages never repeat a value: it may hold a secret.
"""

import re
from urllib.parse import urlsplit

from config.env import SettingError


def api_address(value: str, *, required: bool) -> str:
    """Return the address of an OpenAI-compatible API, up to its version; "" where it is not set."""
    url = value.strip().rstrip("/").removesuffix("/chat/completions")
    if (url or required) and not _is_api_address(url):
        needed = "With FORGE_MODELS=vision-server " if required else ""
        raise SettingError(
            f"{needed}FORGE_VISION_URL must be an address such as http://localhost:11434/v1, without a password."
        )
    return url


def model_name(value: str, *, required: bool) -> str:
    if required and not value.strip():
        raise SettingError(
            "With FORGE_MODELS=vision-server FORGE_VISION_MODEL must name a model of the server, such as qwen2.5vl."
        )
    return value.strip()


def checkpoint_name(value: str, *, required: bool) -> str:
    if required and not value.strip():
        raise SettingError(
            "With FORGE_MODELS=transformers FORGE_CHECKPOINT must name a checkpoint, such as"
            " HuggingFaceTB/SmolVLM-256M-Instruct, or a folder by its absolute path."
        )
    return value.strip()


def bearer_token(name: str, value: str) -> str:
    if not re.fullmatch(r"[!-~]*", value.strip()):
        raise SettingError(f"{name} must be printable ASCII without spaces.")
    return value.strip()


def _is_api_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    has_extras = "@" in parts.netloc or parts.query or parts.fragment
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not has_extras
