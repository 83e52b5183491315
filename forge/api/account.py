from rest_framework.request import Request

from forge.models import Account


def account_of(request: Request) -> Account:
    """Who makes the request; authentication has refused everybody else."""
    assert isinstance(request.user, Account)
    return request.user
