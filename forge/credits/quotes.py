"""Prices of analyses, and whether an account can pay them."""

from dataclasses import dataclass

from forge.credits import ledger
from forge.errors import InsufficientCredits
from forge.models import Account


@dataclass(frozen=True)
class Quote:
    balance: int
    cost: int

    @property
    def remaining(self) -> int:
        return self.balance - self.cost


def quote(*, account: Account, images: int, languages: int = 1) -> Quote:
    """Return the price of so many images in so many languages, reserving nothing. Raises InsufficientCredits."""
    offer = Quote(balance=account.balance, cost=ledger.cost(images=images, languages=languages))
    if offer.remaining < 0:
        raise InsufficientCredits(balance=offer.balance, required=offer.cost)
    return offer
