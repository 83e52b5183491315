"""The admin site, whose log-in is limited. Outside forge/admin, whose modules register with it when imported."""

import logging
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from forge import limits

logger = logging.getLogger(__name__)

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

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().login(request, extra_context)
        if seconds := request.META.get(_RETRY_AFTER):
            response.status_code = 429
            response.headers["Retry-After"] = seconds
        return response
