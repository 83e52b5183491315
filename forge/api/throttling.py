"""What one account may do in a time; DRF asks these before it runs a view."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from forge import limits
from forge.api.middleware import STANDING
from forge.errors import RateLimited
from forge.models import Account
from forge.models.accounts import LimitName

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, by its name in the settings


class _AccountThrottle(BaseThrottle):
    limit: LimitName
    sentence: str

    def cost(self, request: Request) -> int:
        return 1

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Counts the request. Raises RateLimited; without an account there is nothing to count it against."""
        if not isinstance(request.user, Account):
            return True
        standing = limits.count_request(request.user, self.limit, self.cost(request))
        if standing is None:
            return True
        meta = request._request.META
        told: limits.RateLimitStatus | None = meta.get(STANDING)
        if told is None or standing.remaining * told.limit < told.remaining * standing.limit:
            meta[STANDING] = standing  # Of several limits the one that is nearer.
        if standing.retry_after is not None:
            meta[STANDING] = standing
            sentence = self.sentence.format(limit=standing.limit, seconds=standing.retry_after)
            raise RateLimited(sentence, retry_after=standing.retry_after, limit=standing.limit)
        return True


class RequestsThrottle(_AccountThrottle):
    limit = "requests_per_minute"
    sentence = "The account may make {limit} requests a minute. Try again in {seconds} s."


class BytesThrottle(_AccountThrottle):
    """Counts what an upload has sent, kept or refused: that is what it cost us."""

    limit = "bytes_per_day"
    sentence = "The account may upload {limit} bytes a day. Try again in {seconds} s."

    def cost(self, request: Request) -> int:
        return int(request.META.get("CONTENT_LENGTH") or 0)
