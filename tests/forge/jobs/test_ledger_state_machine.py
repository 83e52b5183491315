"""Any order of what callers, workers and operators do, against a model in memory: no credit and no event is off.

Each service is one transaction, so whatever interleaving the database allows is one of these orders;
tests/forge/jobs/test_races.py is the proof that it allows no other. `FORGE_ORDERS=2000` tries so many of them.
"""

import json
import os
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from forge.accounts import account_ensure
from forge.credits import audit, ledger
from forge.errors import AnalysisFailed, Conflict, InsufficientCredits
from forge.jobs import leases, services
from forge.jobs.services import Claim
from forge.models import Account, CreditEntry, ImageAnalysis, Job, JobEvent, Session
from forge.sessions import services as session_services
from tests.forge import job_factory

ORDERS = int(os.environ.get("FORGE_ORDERS", "15"))
OPEN = {"queued", "processing"}
UNPAID = {"failed", "cancelled"}


@dataclass
class Analysis:
    """What the model knows of one image of one job."""

    pk: int
    image: str
    status: str = "queued"
    attempts: int = 0
    held: Claim | None = None


@dataclass
class Order:
    """What the model knows of one job."""

    job: Job
    account: str
    session: str
    analyses: list[Analysis]
    ended: bool = False
    deleted: bool = False

    def told(self) -> "Counter[str]":
        """The events that must be there, by type."""
        states = Counter(one.status for one in self.analyses)
        begun = sum(one.attempts > 0 for one in self.analyses)
        expected = {
            "progress": begun,
            "result": states["succeeded"],
            "error": states["failed"] + states["cancelled"],
            "complete": int(self.ended),
        }
        return Counter({kind: number for kind, number in expected.items() if number})

    def status(self) -> str:
        states = Counter(one.status for one in self.analyses)
        if not self.ended:
            return "running" if any(one.attempts for one in self.analyses) else "queued"
        if states["cancelled"]:
            return "cancelled"
        return "complete" if not states["failed"] else "partial" if states["succeeded"] else "failed"


@dataclass
class Purse:
    balance: int
    sessions: dict[str, list[str]] = field(default_factory=dict)


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction: AbstractContextManager[Any] = transaction.atomic()
        self.transaction.__enter__()
        self.purses: dict[str, Purse] = {}
        self.orders: list[Order] = []
        self.claims: list[tuple[Order, Analysis, Claim]] = []

    def teardown(self) -> None:
        found = list(audit.findings())
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        assert found == []

    @initialize()
    def two_accounts(self) -> None:
        for name in ("alice", "bob"):
            account = account_ensure(name=name, credits=6)
            self.purses[account.pk] = Purse(balance=6)
            for _ in range(2):
                self._session(account)

    def _session(self, account: Account) -> None:
        session = job_factory.session_without_files(account, 3)
        self.purses[account.pk].sessions[session.pk] = list(session.images.values_list("pk", flat=True))

    # --- What is done -------------------------------------------------------------------------------------------------

    @rule(data=st.data(), chosen=st.sets(st.integers(0, 2), min_size=1))
    def submit(self, data: st.DataObject, chosen: set[int]) -> None:
        """Also a retry: of images whose earlier job has ended."""
        account, session = data.draw(st.sampled_from(self._sessions()))
        images = [self.purses[account].sessions[session][n] for n in sorted(chosen)]
        row = Session.objects.get(pk=session)
        named = [reference for reference in job_factory.references(row) if reference.id in images]
        owner = Account.objects.get(pk=account)
        busy = {one.image for order in self._living() for one in order.analyses if one.status in OPEN}
        refused = Conflict if busy & set(images) else InsufficientCredits
        if busy & set(images) or self.purses[account].balance < len(images):
            with pytest.raises(refused):
                services.job_submit(account=owner, session=row, references=named)
            return
        job = services.job_submit(account=owner, session=row, references=named)
        analyses = [Analysis(pk=one.pk, image=one.image_id) for one in job_factory.analyses(job)]
        self.orders.append(Order(job, account, session, analyses))
        self.purses[account].balance -= len(images)

    @precondition(lambda self: self._with("queued"))
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        self._deliver(data, self._with("queued"))

    @precondition(lambda self: self._all())
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        """Any task at any time: the broker may deliver one twice, late, or after the end."""
        self._deliver(data, self._all())

    @precondition(lambda self: self._with("queued"))
    @rule(data=st.data(), good=st.booleans())
    def work(self, data: st.DataObject, good: bool) -> None:
        """What nearly always happens."""
        order, one = self._deliver(data, self._with("queued"))
        assert one.held
        self._end(order, one, one.held, good)

    def _deliver(self, data: st.DataObject, tasks: list[tuple[Order, Analysis]]) -> tuple[Order, Analysis]:
        order, one = data.draw(st.sampled_from(tasks))
        claimed = services.analysis_claim(analysis_id=one.pk, holder=data.draw(st.sampled_from(["w1", "w2"])))
        assert (claimed is not None) == (one.status == "queued" and not order.deleted)
        if claimed:
            one.status, one.held = "processing", claimed
            one.attempts += 1
            self.claims.append((order, one, claimed))
        return order, one

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), good=st.booleans())
    def end(self, data: st.DataObject, good: bool) -> None:
        """Any claim there ever was: a worker may come too late, or twice."""
        self._end(*data.draw(st.sampled_from(self.claims)), good)

    def _end(self, order: Order, one: Analysis, claimed: Claim, good: bool) -> None:
        ended = job_factory.succeed(claimed) if good else services.analysis_fail(claim=claimed, error=AnalysisFailed())
        assert ended == (one.status == "processing" and one.held is claimed and not order.deleted)
        if ended:
            self._ended(order, one, "succeeded" if good else "failed")

    @precondition(lambda self: self._with("processing"))
    @rule(data=st.data())
    def lose_a_worker(self, data: st.DataObject) -> None:
        """Its lease runs out and the sweep finds it."""
        order, one = data.draw(st.sampled_from(self._with("processing")))
        ImageAnalysis.objects.filter(pk=one.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        leases.analyses_sweep()
        if one.attempts >= django_settings.FORGE_MAX_ATTEMPTS:
            self._ended(order, one, "failed")
        else:
            one.status, one.held = "queued", None

    @precondition(lambda self: self._living())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self._living()))
        waiting = [one for one in order.analyses if one.status == "queued"]
        assert services.job_cancel(job=order.job) == len(waiting)
        for one in waiting:
            self._ended(order, one, "cancelled")

    @rule(data=st.data(), amount=st.integers(-4, 4).filter(bool))
    def grant(self, data: st.DataObject, amount: int) -> None:
        account = data.draw(st.sampled_from(list(self.purses)))
        purse = self.purses[account]
        if purse.balance + amount < 0:
            with pytest.raises(InsufficientCredits):
                ledger.grant(account_id=account, amount=amount)
            return
        ledger.grant(account_id=account, amount=amount)
        purse.balance += amount

    @precondition(lambda self: len(self._living()) > 1)
    @rule(data=st.data())
    def delete_a_session(self, data: st.DataObject) -> None:
        account, session = data.draw(st.sampled_from(self._sessions()))
        told = [order for order in self._living() if order.session == session]
        row = Session.objects.get(pk=session)
        if any(one.status in OPEN for order in told for one in order.analyses):
            with pytest.raises(Conflict):
                session_services.session_delete(session=row)
            return
        session_services.session_delete(session=row)
        for order in told:
            order.deleted = True
        del self.purses[account].sessions[session]
        self._session(Account.objects.get(pk=account))

    def _ended(self, order: Order, one: Analysis, status: str) -> None:
        one.status, one.held = status, None
        self.purses[order.account].balance += status in UNPAID
        order.ended = all(one.status not in OPEN for one in order.analyses)

    def _sessions(self) -> list[tuple[str, str]]:
        return [(account, session) for account, purse in self.purses.items() for session in purse.sessions]

    def _living(self) -> list[Order]:
        return [order for order in self.orders if not order.deleted]

    def _all(self) -> list[tuple[Order, Analysis]]:
        return [(order, one) for order in self.orders for one in order.analyses]

    def _with(self, status: str) -> list[tuple[Order, Analysis]]:
        return [(order, one) for order, one in self._all() if one.status == status]

    # --- What must hold after each step -------------------------------------------------------------------------------

    @invariant()
    def the_entries_are_the_balance_and_each_image_is_paid_exactly_if_it_has_a_result(self) -> None:
        """Also of sessions that were deleted: the ledger stays."""
        totals: Counter[str] = Counter()
        kinds: dict[tuple[str | None, str | None], list[str]] = {}
        for account, job, image, kind, amount in CreditEntry.objects.order_by("pk").values_list(
            "account_id", "job_id", "image_id", "kind", "amount"
        ):
            totals[account] += amount
            if kind != "grant":
                assert amount == (-1 if kind == "charge" else 1)
                kinds.setdefault((job, image), []).append(kind)
        assert kinds == {
            (order.job.pk, one.image): ["charge", "refund"] if one.status in UNPAID else ["charge"]
            for order, one in self._all()
        }
        balances = dict(Account.objects.values_list("pk", "balance"))
        assert balances == totals == {account: purse.balance for account, purse in self.purses.items()}
        assert min(balances.values(), default=0) >= 0

    @invariant()
    def events_are_gapless_and_complete_is_last_and_once(self) -> None:
        seen: dict[str, list[tuple[int, str]]] = {order.job.pk: [] for order in self._living()}
        for job, seq, kind, data in JobEvent.objects.order_by("pk").values_list("job_id", "seq", "type", "data"):
            seen[job].append((seq, kind))
            if kind == "complete":
                told = json.loads(data)
                assert told["processed"] == told["total"] == told["creditsCharged"]
                assert told["creditsRefunded"] == told["total"] - told["succeeded"]
        for order in self._living():
            events = seen[order.job.pk]
            assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
            assert Counter(kind for _, kind in events) == order.told()
            assert not order.ended or events[-1][1] == "complete"

    @invariant()
    def a_job_is_as_its_images_are(self) -> None:
        rows = {
            pk: (status, at is not None) for pk, status, at in Job.objects.values_list("pk", "status", "finished_at")
        }
        states = dict(ImageAnalysis.objects.values_list("pk", "status"))
        assert rows == {order.job.pk: (order.status(), order.ended) for order in self._living()}
        assert states == {one.pk: one.status for order in self._living() for one in order.analyses}


def test_no_order_of_events_loses_or_doubles_a_credit_or_an_event(db: None) -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=ORDERS,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
