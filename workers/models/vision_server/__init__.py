"""A vision model behind an OpenAI-compatible server, by chat completions: Ollama, llama.cpp, vLLM and others."""

from collections.abc import Mapping
from typing import Any

from workers.models.vision_server.writer import VisionWriter

__all__ = ["VisionWriter", "create"]


def create(options: Mapping[str, Any]) -> VisionWriter:
    """Return the writer, not loaded. Options: `url`, `model`, `key`, `concurrency`, `timeout_s`."""
    return VisionWriter(
        options["url"],
        options["model"],
        options["key"],
        concurrency=options["concurrency"],
        timeout_s=options["timeout_s"],
    )
