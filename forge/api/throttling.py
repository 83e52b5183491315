"""Rate limits of an account, as DRF throttles that run before the view."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from forge import limits
from forge.api.middleware import RATE_LIMIT_STATUS
from forge.errors import RateLimited
from forge.models import Account
from forge.models.accounts import LimitName

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module, by its name in the settings


class _AccountThrottle(BaseThrottle):
    limit: LimitName
    sentence: str

    def cost(self, request: Request) -> int:
        return 1

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request against its account, if it has one. Raises RateLimited."""
        if not isinstance(request.user, Account):
            return True
        status = limits.count_request(request.user, self.limit, self.cost(request))
        if status is None:
            return True
        meta = request._request.META
        other: limits.RateLimitStatus | None = meta.get(RATE_LIMIT_STATUS)
        if other is None or status.remaining * other.limit < other.remaining * status.limit:
            meta[RATE_LIMIT_STATUS] = status  # Of several limits, the one with the smaller share left.
        if status.retry_after is not None:
            meta[RATE_LIMIT_STATUS] = status
            sentence = self.sentence.format(limit=status.limit, seconds=status.retry_after)
            raise RateLimited(sentence, retry_after=status.retry_after, limit=status.limit)
        return True


class RequestsThrottle(_AccountThrottle):
    limit = "requests_per_minute"
    sentence = "The account may make {limit} requests a minute. Try again in {seconds} s."


class BytesThrottle(_AccountThrottle):
    """Count the bytes of an upload, accepted or refused: both cost the same to receive."""

    limit = "bytes_per_day"
    sentence = "The account may upload {limit} bytes a day. Try again in {seconds} s."

    def cost(self, request: Request) -> int:
        return int(request.META.get("CONTENT_LENGTH") or 0)
