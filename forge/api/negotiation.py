from collections.abc import Iterable

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JsonContentNegotiation(BaseContentNegotiation):
    """Render JSON whatever the Accept header is: DRF would refuse `text/event-stream` with 406."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


def prefers_json(request: Request) -> bool:
    """Return whether the Accept header prefers the job as JSON; without a preference the response is its stream.

    Of two types with the same quality the one that is named is preferred to the one that a range includes.
    """
    return _preference(request, "application/json") > _preference(request, "text/event-stream")


def _preference(request: Request, media_type: str) -> tuple[float, int]:
    accepted = request._request.accepted_type(media_type)
    return (accepted.quality, accepted.specificity) if accepted else (0.0, 0)
