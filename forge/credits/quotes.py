"""Prices of analyses and exports, and whether an account can pay them."""

from dataclasses import dataclass

from forge.credits import ledger
from forge.errors import InsufficientCredits
from forge.models import Account, Job


@dataclass(frozen=True)
class Quote:
    balance: int
    cost: int

    @property
    def remaining(self) -> int:
        return self.balance - self.cost


def quote(*, account: Account, action: str, images: int, languages: int = 1) -> Quote:
    """Return the price of an action (Job.Action) on so many images, reserving nothing. Raises InsufficientCredits.

    `languages`: of an analysis; an export costs one credit an image whatever they are, a sample none.
    """
    credits_each = {Job.Action.ANALYZE: languages, Job.Action.EXPORT: 1, Job.Action.SAMPLE: 0}[Job.Action(action)]
    offer = Quote(balance=account.balance, cost=ledger.cost(images=images, languages=credits_each))
    if offer.remaining < 0:
        raise InsufficientCredits(balance=offer.balance, required=offer.cost)
    return offer
