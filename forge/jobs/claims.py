from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Claim:
    """A lease on one image, required to end its analysis; void once it expired and was swept."""

    analysis_id: int
    holder: str
    attempt: int
    job_id: str
    image_id: str
    storage_key: str
    original_filename: str
    request_id: str
    terms: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    is_export: bool = False
