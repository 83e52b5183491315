"""Stateful property test: calls of clients, workers and operators in any order, against a model in memory.

Each service is one transaction, so every interleaving is one of these orders; tests/forge/jobs/test_races.py tests that
the database allows no other. `FORGE_ORDERS=2000` runs that many orders.
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
from forge.jobs.claims import Claim
from forge.jobs.events import Extras
from forge.models import Account, CreditEntry, ImageAnalysis, Job, JobEvent, Session
from forge.sessions import services as session_services
from tests.forge import job_factory

ORDERS = int(os.environ.get("FORGE_ORDERS", "15"))
OPEN = {"queued", "processing"}
REFUNDED = {"failed", "cancelled"}
LANGUAGES = ("de", "ja")


@dataclass
class ModelAnalysis:
    """The model of one image of one job."""

    pk: int
    image: str
    status: str = "queued"
    attempts: int = 0
    held: Claim | None = None
    # Languages beside the first that failed, while the image succeeded.
    lost: frozenset[str] = frozenset()


@dataclass
class ModelJob:
    """The model of one job."""

    row: Job
    account: str
    session: str
    analyses: list[ModelAnalysis]
    translations: tuple[str, ...] = ()
    ended: bool = False
    deleted: bool = False

    def expected_events(self) -> "Counter[str]":
        """Return the number of events by type."""
        states = Counter(one.status for one in self.analyses)
        started = sum(one.attempts > 0 for one in self.analyses)
        expected = {
            "progress": started,
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
class ModelAccount:
    balance: int
    sessions: dict[str, list[str]] = field(default_factory=dict)


def _succeed(claimed: Claim, lost: frozenset[str]) -> bool:
    """Succeed in all languages but the lost ones."""
    extras: Extras = {"translationErrors": {tag: {"error": "No words.", "code": "no_caption"} for tag in lost}}
    return job_factory.succeed(claimed, extras=extras if lost else None)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction: AbstractContextManager[Any] = transaction.atomic()
        self.transaction.__enter__()
        self.accounts: dict[str, ModelAccount] = {}
        self.jobs: list[ModelJob] = []
        self.claims: list[tuple[ModelJob, ModelAnalysis, Claim]] = []

    def teardown(self) -> None:
        found = list(audit.findings())
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        assert found == []

    @initialize()
    def two_accounts(self) -> None:
        for name in ("alice", "bob"):
            account = account_ensure(name=name, credits=6)
            self.accounts[account.pk] = ModelAccount(balance=6)
            for _ in range(2):
                self._session(account)

    def _session(self, account: Account) -> None:
        session = job_factory.session_without_files(account, 3)
        self.accounts[account.pk].sessions[session.pk] = list(session.images.values_list("pk", flat=True))

    # --- Rules --------------------------------------------------------------------------------------------------------

    @rule(
        data=st.data(),
        chosen=st.sets(st.integers(0, 2), min_size=1),
        more=st.sampled_from([(), (), ("de",), LANGUAGES]),
    )
    def submit(self, data: st.DataObject, chosen: set[int], more: tuple[str, ...]) -> None:
        """Submit images, also those whose earlier job has ended, in one language or several."""
        account, session = data.draw(st.sampled_from(self._sessions()))
        images = [self.accounts[account].sessions[session][n] for n in sorted(chosen)]
        row = Session.objects.get(pk=session)
        references = [reference for reference in job_factory.references(row) if reference.id in images]
        owner = Account.objects.get(pk=account)
        busy = {one.image for job in self._existing() for one in job.analyses if one.status in OPEN}
        refused = Conflict if busy & set(images) else InsufficientCredits
        options = {"languages": ["en", *more]} if more else {}
        cost = len(images) * (1 + len(more))
        if busy & set(images) or self.accounts[account].balance < cost:
            with pytest.raises(refused):
                services.job_submit(account=owner, session=row, references=references, options=options)
            return
        job = services.job_submit(account=owner, session=row, references=references, options=options)
        analyses = [ModelAnalysis(pk=one.pk, image=one.image_id) for one in job_factory.analyses(job)]
        self.jobs.append(ModelJob(job, account, session, analyses, more))
        self.accounts[account].balance -= cost

    @precondition(lambda self: self._with("queued"))
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        self._deliver(data, self._with("queued"))

    @precondition(lambda self: self._all())
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        """At-least-once delivery: a task may arrive twice, late, or after the end."""
        self._deliver(data, self._all())

    @precondition(lambda self: self._with("queued"))
    @rule(data=st.data(), good=st.booleans())
    def work(self, data: st.DataObject, good: bool) -> None:
        """Claim and end an image, the usual case."""
        job, one = self._deliver(data, self._with("queued"))
        assert one.held
        self._end(job, one, one.held, good)

    def _deliver(
        self, data: st.DataObject, tasks: list[tuple[ModelJob, ModelAnalysis]]
    ) -> tuple[ModelJob, ModelAnalysis]:
        job, one = data.draw(st.sampled_from(tasks))
        claimed = services.analysis_claim(analysis_id=one.pk, holder=data.draw(st.sampled_from(["w1", "w2"])))
        assert (claimed is not None) == (one.status == "queued" and not job.deleted)
        if claimed:
            one.status, one.held = "processing", claimed
            one.attempts += 1
            self.claims.append((job, one, claimed))
        return job, one

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), good=st.booleans())
    def end(self, data: st.DataObject, good: bool) -> None:
        """End any claim ever made: a worker may be late, or end an image twice."""
        self._end(*data.draw(st.sampled_from(self.claims)), good)

    def _end(self, job: ModelJob, one: ModelAnalysis, claimed: Claim, good: bool) -> None:
        lost = frozenset(job.translations[1:]) if good else frozenset()
        ended = _succeed(claimed, lost) if good else services.analysis_fail(claim=claimed, error=AnalysisFailed())
        assert ended == (one.status == "processing" and one.held is claimed and not job.deleted)
        if ended:
            one.lost = lost
            self._ended(job, one, "succeeded" if good else "failed")

    @precondition(lambda self: self._with("processing"))
    @rule(data=st.data())
    def lose_worker(self, data: st.DataObject) -> None:
        """Expire a lease and sweep."""
        job, one = data.draw(st.sampled_from(self._with("processing")))
        ImageAnalysis.objects.filter(pk=one.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        leases.analyses_sweep()
        if one.attempts >= django_settings.FORGE_MAX_ATTEMPTS:
            self._ended(job, one, "failed")
        else:
            one.status, one.held = "queued", None

    @precondition(lambda self: self._existing())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self._existing()))
        waiting = [one for one in job.analyses if one.status == "queued"]
        assert services.job_cancel(job=job.row) == len(waiting)
        for one in waiting:
            self._ended(job, one, "cancelled")

    @rule(data=st.data(), amount=st.integers(-4, 4).filter(bool))
    def grant(self, data: st.DataObject, amount: int) -> None:
        account = data.draw(st.sampled_from(list(self.accounts)))
        model = self.accounts[account]
        if model.balance + amount < 0:
            with pytest.raises(InsufficientCredits):
                ledger.grant(account_id=account, amount=amount)
            return
        ledger.grant(account_id=account, amount=amount)
        model.balance += amount

    @precondition(lambda self: len(self._existing()) > 1)
    @rule(data=st.data())
    def delete_session(self, data: st.DataObject) -> None:
        account, session = data.draw(st.sampled_from(self._sessions()))
        affected = [job for job in self._existing() if job.session == session]
        row = Session.objects.get(pk=session)
        if any(one.status in OPEN for job in affected for one in job.analyses):
            with pytest.raises(Conflict):
                session_services.session_delete(session=row)
            return
        session_services.session_delete(session=row)
        for job in affected:
            job.deleted = True
        del self.accounts[account].sessions[session]
        self._session(Account.objects.get(pk=account))

    def _ended(self, job: ModelJob, one: ModelAnalysis, status: str) -> None:
        one.status, one.held = status, None
        self.accounts[job.account].balance += 1 + len(job.translations) if status in REFUNDED else len(one.lost)
        job.ended = all(one.status not in OPEN for one in job.analyses)

    def _sessions(self) -> list[tuple[str, str]]:
        return [(account, session) for account, model in self.accounts.items() for session in model.sessions]

    def _existing(self) -> list[ModelJob]:
        return [job for job in self.jobs if not job.deleted]

    def _all(self) -> list[tuple[ModelJob, ModelAnalysis]]:
        return [(job, one) for job in self.jobs for one in job.analyses]

    def _with(self, status: str) -> list[tuple[ModelJob, ModelAnalysis]]:
        return [(job, one) for job, one in self._all() if one.status == status]

    # --- Invariants ---------------------------------------------------------------------------------------------------

    @invariant()
    def entries_sum_to_the_balance_and_each_image_is_charged_exactly_if_it_has_a_result(self) -> None:
        """Includes deleted sessions: the ledger is append-only."""
        totals: Counter[str] = Counter()
        kinds: dict[tuple[str | None, str | None, str], list[str]] = {}
        for account, job_id, image, language, kind, amount in CreditEntry.objects.order_by("pk").values_list(
            "account_id", "job_id", "image_id", "language", "kind", "amount"
        ):
            totals[account] += amount
            if kind != "grant":
                assert amount == (-1 if kind == "charge" else 1)
                kinds.setdefault((job_id, image, language), []).append(kind)
        assert kinds == {
            (job.row.pk, one.image, language): ["charge", "refund"]
            if one.status in REFUNDED or language in one.lost
            else ["charge"]
            for job, one in self._all()
            for language in ("", *job.translations)
        }
        balances = dict(Account.objects.values_list("pk", "balance"))
        assert balances == totals == {account: model.balance for account, model in self.accounts.items()}
        assert min(balances.values(), default=0) >= 0

    @invariant()
    def events_are_gapless_and_complete_is_last_and_unique(self) -> None:
        logged: dict[str, list[tuple[int, str]]] = {job.row.pk: [] for job in self._existing()}
        jobs = {job.row.pk: job for job in self._existing()}
        for job_id, seq, kind, data in JobEvent.objects.order_by("pk").values_list("job_id", "seq", "type", "data"):
            logged[job_id].append((seq, kind))
            if kind == "complete":
                complete = json.loads(data)
                each, lost = 1 + len(jobs[job_id].translations), sum(len(one.lost) for one in jobs[job_id].analyses)
                assert complete["processed"] == complete["total"]
                assert complete["creditsCharged"] == each * complete["total"]
                assert complete["creditsRefunded"] == each * (complete["total"] - complete["succeeded"]) + lost
        for job in self._existing():
            events = logged[job.row.pk]
            assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
            assert Counter(kind for _, kind in events) == job.expected_events()
            assert not job.ended or events[-1][1] == "complete"

    @invariant()
    def job_status_follows_from_its_images(self) -> None:
        rows = {
            pk: (status, at is not None) for pk, status, at in Job.objects.values_list("pk", "status", "finished_at")
        }
        states = dict(ImageAnalysis.objects.values_list("pk", "status"))
        assert rows == {job.row.pk: (job.status(), job.ended) for job in self._existing()}
        assert states == {one.pk: one.status for job in self._existing() for one in job.analyses}


def test_no_order_of_calls_loses_or_duplicates_a_credit_or_an_event(db: None) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=ORDERS,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
