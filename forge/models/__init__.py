from forge.models.accounts import Account, ApiKey
from forge.models.credits import CreditEntry
from forge.models.jobs import ImageAnalysis, Job, JobEvent
from forge.models.sessions import Image, Session

__all__ = ["Account", "ApiKey", "CreditEntry", "Image", "ImageAnalysis", "Job", "JobEvent", "Session"]
