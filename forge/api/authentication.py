from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from forge.errors import ApiKeyInactive, InvalidApiKey
from forge.models import Account, ApiKey

ACCOUNT = "forge.account"  # key of the ASGI scope


def key_find(text: str) -> ApiKey | None:
    """Return the API key with its account, active or not."""
    # `first` would order the rows, which takes a fifth of the time.
    return next(iter(ApiKey.objects.select_related("account").filter(hash=ApiKey.hash_of(text))), None)


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate by `X-API-Key: sk-…`. The key is read by its hash, so no comparison leaks how much of it matches."""

    def authenticate(self, request: Request) -> tuple[Account, ApiKey]:
        key = request.headers.get("X-API-Key", "")
        found = key_find(key) if key else None
        if found is None:
            raise InvalidApiKey
        if not found.is_accepted:
            raise ApiKeyInactive
        if (scope := getattr(request._request, "scope", None)) is not None:
            scope[ACCOUNT] = found.account_id
        return found.account, found

    def authenticate_header(self, request: Request) -> str:
        return "ApiKey"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
