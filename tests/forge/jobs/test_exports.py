"""Exports as jobs: charges, refunds, events, files, and what removes them."""

import json
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.urls import resolve

import xmp
from forge import storage
from forge.accounts import key_issue
from forge.credits import ledger
from forge.errors import AnalysisFailed, Conflict, ExportFailed, RateLimited, StorageFull
from forge.jobs import exports, leases, retention, services
from forge.jobs.claims import Claim
from forge.jobs.events import ImageMetadata
from forge.jobs.exports import ExportSettings, MadeVariant
from forge.models import Account, Image, Job, JobEvent, Session
from forge.operations.backup.dump import backup_write
from forge.sessions import expiry
from forge.sessions import services as session_services
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS: ExportSettings = {"format": "webp", "preset": "high", "widths": [480]}
MADE = (MadeVariant("full", "webp", b"whole", 64, 48), MadeVariant("480w", "webp", b"small", 48, 36))


@pytest.fixture
def session(alice: Account, make_session: Any) -> Session:
    made: Session = make_session(alice, 2)
    return made


def submit(account: Account, session: Session, action: Job.Action = Job.Action.EXPORT) -> Job:
    return services.job_submit(
        account=account,
        session=session,
        references=job_factory.references(session),
        action=action,
        export_settings=dict(SETTINGS),
    )


def export(claim: Claim) -> bool:
    order = exports.export_order(claim=claim, original=b"")
    assert order is not None
    return exports.export_succeed(claim=claim, variants=exports.export_store(claim=claim, stem=order.stem, made=MADE))


def run(job: Job, *, failing: frozenset[int] = frozenset()) -> None:
    for analysis in job_factory.analyses(job):
        claim = job_factory.claim(analysis)
        if analysis.position in failing:
            services.analysis_fail(claim=claim, error=ExportFailed())
        else:
            assert export(claim)


def events(job: Job) -> list[tuple[str, dict[str, Any]]]:
    rows = JobEvent.objects.filter(job=job).order_by("seq").values_list("type", "data")
    return [(type, json.loads(data)) for type, data in rows]


def stored(media: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in media.rglob("*.webp"))


def audit() -> None:
    call_command("audit_credits")


def test_an_export_is_charged_and_its_failed_images_are_refunded(alice: Account, session: Session) -> None:
    job = submit(alice, session)
    assert ledger.balance(alice.pk) == 98
    run(job, failing=frozenset({1}))

    assert ledger.balance(alice.pk) == 99
    first, second = job_factory.analyses(job)
    (begun, exported, again, error, complete) = events(job)
    assert [kind for kind, _ in events(job)] == ["progress", "result", "progress", "error", "complete"]
    assert begun[1] == {
        "jobId": job.pk, "imageId": first.image_id, "status": "processing", "step": "export", "current": 1, "total": 2,
    }  # fmt: skip
    full, small = exported[1]["variants"]
    assert (full["name"], full["size"], full["width"], full["height"]) == ("full", 5, 64, 48)
    assert (full["filename"], small["filename"]) == ("photo0.webp", "photo0-480w.webp")
    assert again[1]["current"] == 2
    assert (error[1]["imageId"], error[1]["code"]) == (second.image_id, "export_failed")
    assert complete[1] == {
        "jobId": job.pk, "status": "partial", "processed": 2, "total": 2, "succeeded": 1, "failed": 1,
        "creditsCharged": 2, "creditsRefunded": 1,
        "results": [{"imageId": first.image_id, "variants": [full, small]}],
    }  # fmt: skip
    audit()


def test_the_path_of_a_file_is_its_address(alice: Account, session: Session, key: str) -> None:
    job = submit(alice, session)
    run(job)

    [variant, _] = events(job)[1][1]["variants"]
    answer = ApiClient(key).get(variant["path"])
    assert resolve(variant["path"]).view_name == "job-variant"
    assert (answer.content, answer["Content-Type"]) == (b"whole", "image/webp")
    assert answer["Content-Disposition"] == 'attachment; filename="photo0.webp"'
    assert ApiClient(key).get(variant["path"], headers={"If-None-Match": answer["ETag"]}).status_code == 304
    for name in default_storage.listdir(f"sessions/{session.pk}")[1]:
        if ".full." in name:
            default_storage.delete(f"sessions/{session.pk}/{name}")
    assert ApiClient(key).get(variant["path"]).json()["code"] == "not_found"


def test_an_export_is_no_analysis_of_its_images(alice: Account, session: Session, api: ApiClient) -> None:
    job_factory.run(job_factory.submit(alice, session))
    job = submit(alice, session)
    run(job, failing=frozenset({1}))

    images = api.call("GET", f"/sessions/{session.pk}?include=results").json()["images"]
    assert [image["status"] for image in images] == ["succeeded", "succeeded"]
    assert all(image["jobId"] != job.pk and image["metadata"] for image in images)
    described = api.call("GET", f"/jobs/{job.pk}").json()
    assert (described["action"], [len(one.get("variants", ())) for one in described["images"]]) == ("export", [2, 0])
    assert images[0]["metadata"]["filename"] + ".webp" == described["images"][0]["variants"][0]["filename"]


def test_an_image_is_in_one_open_job(alice: Account, session: Session) -> None:
    submit(alice, session)

    with pytest.raises(Conflict):
        job_factory.submit(alice, session)
    assert ledger.balance(alice.pk) == 98


def test_a_sample_is_free_and_limited_by_the_hour(alice: Account, session: Session, settings: Any) -> None:
    settings.FORGE_SAMPLES_PER_HOUR = 5
    for failing in (frozenset({0}), frozenset[int]()):
        job = submit(alice, session, Job.Action.SAMPLE)
        run(job, failing=failing)
    with pytest.raises(RateLimited) as refused:
        submit(alice, session, Job.Action.SAMPLE)

    assert refused.value.members == {"limit": 5}
    assert ledger.balance(alice.pk) == 100
    _, complete = events(job)[-1]
    assert (complete["creditsCharged"], complete["creditsRefunded"], len(complete["results"])) == (0, 0, 2)
    errors = [data["error"] for job in Job.objects.all() for kind, data in events(job) if kind == "error"]
    assert errors == ["The image could not be exported."]
    assert job_factory.analyses(Job.objects.earliest("created_at"))[0].error == errors[0]
    audit()


def test_a_lost_worker_is_made_up_for_once(alice: Account, session: Session, media: Path) -> None:
    job = submit(alice, session)
    late = job_factory.claim(job_factory.analyses(job)[0], "dead")
    job_factory.backdate(job_factory.analyses(job)[0], lease_until=3600)
    leases.analyses_sweep()
    run(job)

    assert not export(late)  # the dead worker comes back
    assert stored(media) == [b"small", b"small", b"whole", b"whole"]
    assert [kind for kind, _ in events(job)].count("result") == 2
    audit()


def test_an_image_that_ends_workers_fails_and_is_refunded(alice: Account, session: Session, settings: Any) -> None:
    settings.FORGE_MAX_ATTEMPTS = 1
    job = submit(alice, session)
    job_factory.claim(job_factory.analyses(job)[0], "dead")
    job_factory.backdate(job_factory.analyses(job)[0], lease_until=3600)
    leases.analyses_sweep()

    failed = job_factory.analyses(job)[0]
    assert (failed.code, ledger.balance(alice.pk)) == ("export_failed", 99)
    assert "again and again" in failed.error


def test_cancelled_exports_are_refunded(alice: Account, session: Session) -> None:
    job = submit(alice, session)

    assert services.job_cancel(job=job) == 2
    assert ledger.balance(alice.pk) == 100
    assert events(job)[-1][1]["results"] == []
    audit()


def test_files_are_stored_whole_or_not_at_all(
    alice: Account, session: Session, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = job_factory.claim(job_factory.analyses(submit(alice, session))[0])
    saved = storage.object_save

    def full(name: str, content: Any) -> None:
        if "480w" in name:
            raise StorageFull
        saved(name, content)

    monkeypatch.setattr("forge.jobs.exports.object_save", full)

    with pytest.raises(StorageFull):
        exports.export_store(claim=claim, stem="a", made=MADE)
    assert stored(media) == []


def test_the_end_of_a_session_removes_its_files(alice: Account, session: Session, media: Path) -> None:
    run(submit(alice, session))
    assert len(stored(media)) == 4

    session_services.session_delete(session=session)

    assert list((media / "sessions").rglob("*.*")) == []


def test_the_expiry_of_a_session_removes_its_files(
    alice: Account, session: Session, media: Path, settings: Any
) -> None:
    run(submit(alice, session))
    settings.FORGE_EXPIRY_GRACE_S = -10.0
    Session.objects.update(expires_at=session.created_at)

    assert expiry.sessions_sweep() == 1
    assert list((media / "sessions").rglob("*.*")) == []


def test_the_removal_of_an_old_job_removes_its_files_alone(
    alice: Account, session: Session, media: Path, settings: Any
) -> None:
    run(submit(alice, session))
    settings.FORGE_KEEP_DAYS = 1e-9

    assert retention.jobs_sweep() == 1
    assert stored(media) == []
    assert len(list((media / "sessions").rglob("*.jpg"))) == 2
    assert Image.objects.count() == 2


def test_a_backup_has_the_files(alice: Account, session: Session, tmp_path: Path) -> None:
    run(submit(alice, session))

    written = backup_write(tmp_path / "a.tar")

    assert (written.files, written.missing) == (6, [])
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert len([name for name in archive.getnames() if name.endswith(".webp")]) == 4


def body(session: Session, **settings: Any) -> dict[str, Any]:
    return {**job_factory.body_for(session), "settings": settings}


def test_an_export_costs_the_same_in_any_language(alice: Account, session: Session, api: ApiClient) -> None:
    Account.objects.filter(pk=alice.pk).update(default_options={"languages": ["en", "de", "ja"]})
    for action in ("export", "sample"):
        api.call("POST", f"/sessions/{session.pk}/{action}", body(session), headers=JSON)
        job = Job.objects.get(action=action)
        run(job, failing=frozenset({1}))
        _, complete = events(job)[-1]
        charged = (complete["creditsCharged"], complete["creditsRefunded"])
        assert charged == ((2, 1) if action == "export" else (0, 0))

    assert ledger.balance(alice.pk) == 99
    for action, cost in (("export", 3), ("sample", 0)):
        check = {"action": action, "imageCount": 3, "options": {"languages": ["en", "de"]}}
        answer = api.call("POST", "/credits/check", check).json()
        assert answer == {"sufficient": True, "balance": 99, "cost": cost, "remaining": 99 - cost}
    audit()


def analyze(account: Account, session: Session, options: dict[str, Any], extras: Any, **metadata: Any) -> None:
    """Give the first image of a session words, and let its second one fail."""
    references = job_factory.references(session)
    job = services.job_submit(account=account, session=session, references=references, options=options)
    first, second = job_factory.analyses(job)
    services.analysis_fail(claim=job_factory.claim(second), error=AnalysisFailed())
    assert services.analysis_succeed(
        claim=job_factory.claim(first),
        metadata=cast("ImageMetadata", metadata),
        assessment=job_factory.ASSESSMENT,
        extras=extras,
        filenames=(metadata["filename"],) if "filename" in metadata else (),
    )


def orders(account: Account, session: Session) -> list[exports.ExportOrder]:
    found = []
    for analysis in job_factory.analyses(submit(account, session)):
        order = exports.export_order(claim=job_factory.claim(analysis), original=b"")
        assert order is not None
        found.append(order)
    return found


def test_files_have_the_words_of_each_language(alice: Account, session: Session) -> None:
    german, japanese = {"title": "Ein Kessel", "alt": "Kessel", "seoTags": ["kessel"]}, {"alt": "やかん"}
    extras = {"translations": {"de": german, "ja": japanese}}
    analyze(alice, session, {"languages": ["en", "de", "ja"]}, extras, **job_factory.METADATA)

    described, failed = orders(alice, session)

    words = xmp.read_sidecar(described.packet).words
    assert words.texts[xmp.Field.ALT] == {"x-default": "A red kettle", "de": "Kessel", "ja": "やかん"}
    assert words.texts[xmp.Field.TITLE]["de"] == "Ein Kessel"
    assert (described.stem, failed.stem) == ("red-kettle", "photo1")
    assert failed.packet == b""


def test_a_decorative_image_has_no_alt_in_its_files(alice: Account, session: Session) -> None:
    analyze(alice, session, {"decorative": "auto"}, {"decorative": True}, **{**job_factory.METADATA, "alt": ""})

    words = xmp.read_sidecar(orders(alice, session)[0].packet).words

    assert xmp.Field.ALT not in words.texts
    assert words.text(xmp.Field.TITLE) == job_factory.METADATA["title"]


def test_an_image_with_some_fields_is_exported_with_them(alice: Account, session: Session) -> None:
    analyze(alice, session, {"fields": ["alt"]}, {}, alt="A red kettle")

    order, _ = orders(alice, session)

    assert order.stem == "photo0"
    assert xmp.read_sidecar(order.packet).words == xmp.words_of_metadata({"alt": "A red kettle"})


@pytest.mark.parametrize(
    ("given", "stored_settings"),
    [
        ({}, {"format": "webp", "preset": "high", "widths": []}),
        ({"format": "avif", "preset": "low"}, {"format": "avif", "preset": "low", "widths": []}),
        ({"responsive": True}, {"format": "webp", "preset": "high", "widths": [480, 768, 1024, 1440]}),
        (
            {"responsive": True, "responsiveSizes": [{"width": 900, "name": "m"}, {"width": 20}, {"width": 900}]},
            {"format": "webp", "preset": "high", "widths": [20, 900]},
        ),
        ({"responsiveSizes": [{"width": 90}]}, {"format": "webp", "preset": "high", "widths": [90]}),
        (
            {"responsive": False, "responsiveSizes": [{"width": 90}]},
            {"format": "webp", "preset": "high", "widths": []},
        ),
    ],
)
def test_settings_are_stored_with_the_job(
    api: ApiClient, session: Session, given: dict[str, Any], stored_settings: dict[str, Any]
) -> None:
    answer = api.call("POST", f"/sessions/{session.pk}/export", body(session, **given), headers=JSON)

    assert (answer.status_code, answer.json()["action"]) == (202, "export")
    assert Job.objects.get().export_settings == stored_settings


JSON = {"Accept": "application/json"}


@pytest.mark.parametrize(
    "given",
    [
        {"format": "tiff"},
        {"preset": "best"},
        {"responsiveSizes": [{"width": 15}]},
        {"responsiveSizes": [{"width": 16_384}]},
        {"responsiveSizes": [{}]},
        {"responsiveSizes": [{"width": 20}] * 11},
        {"responsiveSizes": 480},
    ],
)
def test_wrong_settings_are_refused(api: ApiClient, session: Session, given: dict[str, Any]) -> None:
    answer = api.call("POST", f"/sessions/{session.pk}/export", body(session, **given), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert Job.objects.count() == 0


def test_a_sample_is_bounded_in_size(api: ApiClient, session: Session) -> None:
    assert api.call("POST", f"/sessions/{session.pk}/sample", body(session), headers=JSON).status_code == 202
    assert Job.objects.get().export_settings["most_side"] == 2048  # type: ignore[index]


def test_a_sample_has_five_images_at_most(alice: Account, api: ApiClient, make_session: Any) -> None:
    six = make_session(alice, 6)

    answer = api.call("POST", f"/sessions/{six.pk}/sample", body(six), headers=JSON)

    assert (answer.status_code, answer.json()["limit"], answer.json()["actual"]) == (413, 5, 6)


def test_a_repeated_request_is_one_job_and_a_resumed_one_its_own(
    alice: Account, api: ApiClient, session: Session
) -> None:
    path, keyed = f"/sessions/{session.pk}/export", {**JSON, "Idempotency-Key": "a"}
    first = api.call("POST", path, body(session), headers=keyed)
    again = api.call("POST", path, body(session), headers=keyed)
    run(Job.objects.get())
    other = api.call("POST", path, body(session, format="png"), headers={**JSON, "Idempotency-Key": "b"})
    resumed = api.call("POST", path, body(session), headers={**JSON, "Last-Event-ID": "1"})
    unknown = api.call("POST", path, body(session, format="jpeg"), headers={**JSON, "Last-Event-ID": "1"})
    analyzed = api.call(
        "POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session), headers={**JSON, "Last-Event-ID": "1"}
    )

    assert first.json() == again.json()  # PostgreSQL keeps no order of keys
    assert other.json()["jobId"] != first.json()["jobId"]
    assert resumed.json()["jobId"] == first.json()["jobId"]
    assert [one.json()["code"] for one in (unknown, analyzed)] == ["nothing_to_resume"] * 2
    assert ledger.balance(alice.pk) == 96


def test_prices_are_those_of_the_action(api: ApiClient) -> None:
    costs = {
        action: api.call("POST", "/credits/check", {"action": action, "imageCount": 3}).json()["cost"]
        for action in ("analyze", "export", "sample")
    }

    assert costs == {"analyze": 3, "export": 3, "sample": 0}


def test_a_poor_account_may_not_export(bob: Account, make_session: Any) -> None:
    made = make_session(bob, 1)
    ledger.grant(account_id=bob.pk, amount=-100)
    poor = ApiClient(key_issue(account=bob)[1])

    assert poor.call("POST", f"/sessions/{made.pk}/export", body(made), headers=JSON).status_code == 402
    assert poor.call("POST", f"/sessions/{made.pk}/sample", body(made), headers=JSON).status_code == 202
