from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from forge.accounts import account_ensure
from forge.credits import ledger
from forge.credits.audit import findings
from forge.errors import ForgeError, InsufficientCredits, InvalidRequest
from forge.models import Account, CreditEntry, Session
from tests.forge import job_factory


def total(account: Account) -> int:
    return CreditEntry.objects.filter(account=account).aggregate(total=Sum("amount"))["total"] or 0


def test_a_job_is_charged_one_credit_per_image(alice: Account, make_session: Callable[..., Session]) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))

    assert ledger.balance(alice.pk) == 97
    assert set(CreditEntry.objects.filter(job_id=job.pk).values_list("amount", "kind")) == {(-1, "charge")}


def test_only_failed_images_are_refunded(alice: Account, make_session: Callable[..., Session]) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    job_factory.run(job, failing=frozenset({1}))

    assert ledger.balance(alice.pk) == 98
    refunded = CreditEntry.objects.get(kind="refund")
    assert (refunded.image_id, refunded.note) == (job_factory.analyses(job)[1].image_id, "analysis_failed")


def test_an_image_is_refunded_once(alice: Account) -> None:
    ledger.charge(account_id=alice.pk, job_id="job_1", image_ids=["img_1"])
    ledger.refund(account_id=alice.pk, job_id="job_1", image_id="img_1")

    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.refund(account_id=alice.pk, job_id="job_1", image_id="img_1")

    assert ledger.balance(alice.pk) == 100


def test_an_image_of_a_job_is_charged_once(alice: Account) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.charge(account_id=alice.pk, job_id="job_1", image_ids=["img_1", "img_1"])

    assert ledger.balance(alice.pk) == 100


def test_insufficient_credits_charge_nothing(alice: Account) -> None:
    with pytest.raises(InsufficientCredits) as refused:
        ledger.charge(account_id=alice.pk, job_id="job_1", image_ids=[f"img_{n}" for n in range(101)])

    assert refused.value.members == {"balance": 100, "required": 101}
    assert ledger.balance(alice.pk) == total(alice) == 100


def test_a_negative_grant_cannot_exceed_the_balance(alice: Account) -> None:
    with pytest.raises(InsufficientCredits):
        ledger.grant(account_id=alice.pk, amount=-101)

    assert ledger.balance(alice.pk) == total(alice) == 100


def test_a_check_constraint_prevents_a_negative_balance(alice: Account) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=alice.pk).update(balance=-1)


@pytest.mark.django_db(transaction=True)
def test_concurrent_charges_take_exactly_the_balance() -> None:
    account = account_ensure(name="carol", credits=50)

    def charge(number: int) -> bool:
        try:
            ledger.charge(account_id=account.pk, job_id=f"job_{number}", image_ids=["img_1"])
        except ForgeError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(charge, range(80)))

    assert sum(paid) == 50
    assert ledger.balance(account.pk) == total(account) == 0


@pytest.mark.parametrize("amount", [2**63, -(2**63), 2**63 - 1, 2**64, 10**30, -(10**30), ledger.MAX_AMOUNT + 1])
def test_amounts_beyond_the_bound_are_refused(alice: Account, amount: int) -> None:
    with pytest.raises(InvalidRequest):
        ledger.grant(account_id=alice.pk, amount=amount)

    assert ledger.balance(alice.pk) == total(alice) == 100


def test_a_balance_stays_an_exact_integer_within_its_bound(alice: Account) -> None:
    ledger.grant(account_id=alice.pk, amount=ledger.MAX_AMOUNT)
    Account.objects.filter(pk=alice.pk).update(balance=ledger.MAX_BALANCE - 5)

    with pytest.raises(InvalidRequest, match="holds at most"):
        ledger.grant(account_id=alice.pk, amount=6)
    ledger.grant(account_id=alice.pk, amount=5)

    assert ledger.balance(alice.pk) == ledger.MAX_BALANCE < 2**53
    assert isinstance(ledger.balance(alice.pk), int)


@pytest.mark.parametrize("amount", [str(2**63), str(-(2**63)), "1" + "0" * 400])
def test_the_command_refuses_such_amounts_in_one_sentence(alice: Account, amount: str) -> None:
    with pytest.raises(CommandError, match="at most"):
        call_command("grant_credits", "alice", "--", amount)

    assert list(findings()) == []
    assert ledger.balance(alice.pk) == 100
