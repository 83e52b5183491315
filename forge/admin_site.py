"""The admin site, whose log-in is limited. Outside forge/admin, whose modules register with it when imported."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from forge import limits

logger = logging.getLogger(__name__)

# Narrower than that of the API's page: no inline style, no script but those of this server.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_RETRY_AFTER = "forge.login_retry_after"  # key of the request's META


class LoginForm(AdminAuthenticationForm):
    """Refuses log-ins over the limit, with the right password too, and logs those that fail."""

    def clean(self) -> dict[str, Any]:
        request = self.request
        assert request is not None
        username = self.cleaned_data.get("username") or ""
        address = request.META.get("REMOTE_ADDR", "")
        if seconds := limits.count_login(username, address):
            request.META[_RETRY_AFTER] = str(seconds)
            logger.warning(
                "A log-in of %.150r from %s is refused for %d s: too many failed.", username, address, seconds
            )
            raise ValidationError(f"Too many failed log-ins. Try again in {seconds} s.", code="rate_limited")
        try:
            cleaned = super().clean()
        except ValidationError:
            logger.warning("A log-in of %.150r from %s failed.", username, address)
            raise
        limits.forget_logins(username, address)
        return cleaned


class ForgeAdminSite(AdminSite):
    login_form = LoginForm
    index_template = "admin/forge/index.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from forge.admin.front_page import front_page_context  # its modules register with this site

        return super().index(request, {**front_page_context(request), **(extra_context or {})})

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        decorated = super().admin_view(view, cacheable)

        @wraps(decorated)
        def with_policy(*args: Any, **kwargs: Any) -> HttpResponse:
            return _policy_set(decorated(*args, **kwargs))

        return with_policy

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = _policy_set(super().login(request, extra_context))
        if seconds := request.META.get(_RETRY_AFTER):
            response.status_code = 429
            response.headers["Retry-After"] = seconds
        return response


def _policy_set(response: Any) -> HttpResponse:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers["Content-Security-Policy"] = _POLICY
    return response  # type: ignore[no-any-return]
