from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from forge.errors import ApiKeyInactive, InvalidApiKey
from forge.models import Account, ApiKey


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate by `X-API-Key: sk-…`. The key is read by its hash, so no comparison leaks how much of it matches."""

    def authenticate(self, request: Request) -> tuple[Account, ApiKey]:
        key = request.headers.get("X-API-Key", "")
        found = ApiKey.objects.select_related("account").filter(hash=ApiKey.hash_of(key)).first() if key else None
        if found is None:
            raise InvalidApiKey
        if not (found.is_usable and found.account.is_active):
            raise ApiKeyInactive
        return found.account, found

    def authenticate_header(self, request: Request) -> str:
        return "ApiKey"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
