from rest_framework.request import Request

from forge.models import Account


def account_of(request: Request) -> Account:
    """Return the account of an authenticated request."""
    assert isinstance(request.user, Account)
    return request.user
