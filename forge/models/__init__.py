from forge.models.accounts import Account, ApiKey
from forge.models.credits import CreditEntry
from forge.models.idempotency import IdempotencyKey
from forge.models.jobs import ImageAnalysis, Job, JobEvent
from forge.models.results import Kind
from forge.models.search import ImageWords
from forge.models.sessions import Image, Session

__all__ = [
    "Account", "ApiKey", "CreditEntry", "IdempotencyKey", "Image", "ImageAnalysis", "ImageWords", "Job", "JobEvent",
    "Kind", "Session",
]  # fmt: skip
