"""Options of an analysis: refused before anything is charged, or stored with the job and honoured in its result."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from forge.accounts import account_ensure, key_issue
from forge.credits import audit
from forge.jobs import services
from forge.jobs.events import ImageMetadata
from forge.models import Account, CreditEntry, Image, Job, JobEvent, Session
from forge.operations import live_workers, readiness
from tests.forge import job_factory
from tests.forge.api import asgi_client
from tests.forge.api.keyed_requests import JSON, keyed, refused_as
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


def analyze(api: ApiClient, session: Session, options: Any, **extra: Any) -> Any:
    body = {**job_factory.body_for(session), "options": options}
    return api.call("POST", f"/sessions/{session.pk}/analyze", body, **{"headers": JSON, **extra})


def analyze_one(api: ApiClient, session: Session, options: Any) -> Any:
    image = job_factory.body_for(session)["images"][0]
    return api.call("POST", f"/sessions/{session.pk}/analyze-single", {"image": image, "options": options})


def charged(account: Account) -> list[int]:
    return list(CreditEntry.objects.filter(account=account).exclude(kind="grant").values_list("amount", flat=True))


# --- Refused ---


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ("de", "options"),
        ({"tone": "funny"}, "tone"),
        ({"language": "xx-XX"}, "language"),
        ({"altMaxLength": 10}, "altMaxLength"),
        ({"keywords": ["word"] * 1_000}, "keywords"),
        ({"fields": ["alt"], "tagCount": 3}, "tagCount"),
    ],
)
@pytest.mark.parametrize("post", [analyze, analyze_one])
def test_a_wrong_option_is_refused_before_anything_is_charged(
    alice: Account, api: ApiClient, make_session: MakeSession, post: Any, options: Any, option: str
) -> None:
    response = post(api, make_session(alice, 1), options)

    assert refused_as(response) == (400, "invalid_request")
    assert (response.json()["option"], bool(response.json()["accepted"])) == (option, True)
    assert (charged(alice), Job.objects.count()) == ([], 0)


@pytest.mark.parametrize(
    ("options", "option", "accepted"),
    [
        ({"language": "de"}, "language", "en"),
        ({"language": "en-FR"}, "language", "en-GB"),
        ({"context": "Our new mug"}, "context", "altMaxLength"),
    ],
)
@pytest.mark.parametrize("post", [analyze, analyze_one])
def test_what_the_loaded_models_cannot_do_is_refused_before_anything_is_charged(
    alice: Account, api: ApiClient, make_session: MakeSession, post: Any, options: Any, option: str, accepted: str
) -> None:
    response = post(api, make_session(alice, 1), options)

    assert refused_as(response) == (422, "option_unsupported")
    assert response.json()["option"] == option
    assert accepted in response.json()["accepted"].split(", ")
    assert (charged(alice), Job.objects.count()) == ([], 0)


def test_the_defaults_of_an_account_are_refused_alike_and_a_request_overrides_them(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    Account.objects.filter(pk=alice.pk).update(default_options={"language": "de"})
    session = make_session(alice, 1)

    refused = analyze(api, session, None)
    assert refused_as(refused) == (422, "option_unsupported")
    assert refused.json()["error"].endswith("It is a default of this account.")
    assert charged(alice) == []
    assert analyze(api, session, {"language": "en"}).status_code == 202


def test_an_error_with_a_thousand_keywords_is_short(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    response = analyze(api, make_session(alice, 1), {"keywords": ["x" * 500] * 1_000, "n" * 9_000: 1})

    assert response.status_code == 400
    assert len(response.content) < 1_500


# --- Which models are loaded ---


def worker_of(family: str, name: str = "worker-1", queue: str = "images", settings: Any = None) -> None:
    settings.FORGE_QUEUES = [queue]
    readiness.worker_alive(name)
    live_workers.worker_describe(name, model=f"{family} 1", device="CPU", family=family)


def test_the_live_workers_decide_what_is_possible(
    alice: Account, api: ApiClient, make_session: MakeSession, settings: Any
) -> None:
    session = make_session(alice, 1)
    worker_of("vision-server", settings=settings)
    worker_of("embedded", "worker-2", "others", settings=settings)
    assert analyze(api, session, {"language": "de", "context": "Our mug"}).status_code == 202
    job_factory.run(Job.objects.get())

    worker_of("embedded", "worker-3", settings=settings)  # any of the two may take the next image
    assert refused_as(analyze(api, session, {"language": "de"})) == (422, "option_unsupported")

    Account.objects.filter(pk=alice.pk).update(queue="others")
    assert analyze(api, session, {"language": "de"}).json()["family"] == "embedded"


def test_models_lists_families_languages_and_options_with_bounds(api: ApiClient, settings: Any) -> None:
    worker_of("vision-server", settings=settings)

    listed = api.call("GET", "/models").json()

    assert listed["nextCursor"] is None
    by_name = {family["family"]: family for family in listed["data"]}
    assert {name: family["loaded"] for name, family in by_name.items()} == {
        "embedded": False,
        "blip-clip": False,
        "vision-server": True,
        "transformers": False,
        "florence-2": False,
    }
    assert by_name["transformers"]["languages"] == by_name["vision-server"]["languages"]
    assert by_name["transformers"]["options"] == by_name["vision-server"]["options"]
    assert by_name["florence-2"]["languages"] == ["en"]
    assert by_name["vision-server"]["models"] == ["vision-server 1"]
    assert {"en", "en-US", "en-GB"} <= set(by_name["embedded"]["languages"])
    assert "de" not in by_name["embedded"]["languages"]
    assert {"en", "de", "ja"} <= set(by_name["vision-server"]["languages"])
    assert by_name["embedded"]["options"]["altMaxLength"]["minimum"] == 40
    assert set(by_name["vision-server"]["options"]) - set(by_name["embedded"]["options"]) == {"context"}


def test_models_names_the_settings_models_without_a_worker(api: ApiClient, settings: Any) -> None:
    def loaded() -> list[str]:
        return [family["family"] for family in api.call("GET", "/models").json()["data"] if family["loaded"]]

    settings.FORGE_MODELS = "auto"
    assert loaded() == ["embedded"]

    settings.FORGE_MODELS = "transformers"
    assert loaded() == ["transformers"]


# --- With the job ---


def test_options_reach_the_claim_with_the_defaults_of_the_account(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    Account.objects.filter(pk=alice.pk).update(default_options={"tagCount": 5, "genderNeutral": False})

    assert analyze(api, make_session(alice, 1), {"tagCount": 8}).status_code == 202

    claim = services.analysis_claim_next(holder="worker")
    assert claim is not None
    assert claim.options == {"tagCount": 8, "genderNeutral": False}


def test_an_idempotency_key_covers_the_options(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    first = analyze(api, session, {"tagCount": 8}, **keyed("one"))

    again = analyze(api, session, {"tagCount": 8}, **keyed("one"))
    other = analyze(api, session, {"tagCount": 9}, **keyed("one"))

    assert again.json() == first.json()
    assert refused_as(other) == (422, "idempotency_mismatch")
    assert charged(alice) == [-1]


def test_a_replay_is_answered_after_the_models_have_changed(
    alice: Account, api: ApiClient, make_session: MakeSession, settings: Any
) -> None:
    session = make_session(alice, 1)
    settings.FORGE_MODELS = "vision-server"
    first = analyze(api, session, {"language": "de"}, **keyed("one"))
    settings.FORGE_MODELS = "embedded"

    assert analyze(api, session, {"language": "de"}, **keyed("one")).json() == first.json()


def test_a_resumed_request_has_the_options_of_its_job(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    analyze(api, session, {"tagCount": 8})
    resuming = {"headers": {**JSON, "Last-Event-ID": "0"}}

    other = analyze(api, session, {"tagCount": 9}, **resuming)
    same = analyze(api, session, {"tagCount": 8}, **resuming)

    assert refused_as(other) == (409, "nothing_to_resume")
    assert same.json()["jobId"] == Job.objects.get().pk


# --- In the result ---


def succeed(job: Job, metadata: ImageMetadata, **result: Any) -> None:
    claim = job_factory.claim(job.analyses.get())
    assert services.analysis_succeed(
        claim=claim, metadata=metadata, assessment=job_factory.ASSESSMENT, filenames=["a-mug"], **result
    )


def _words(image: Image) -> dict[str, Any]:
    assert image.metadata is not None
    return dict(image.metadata)


def some(**fields: Any) -> ImageMetadata:
    return fields  # type: ignore[return-value]


def submitted(api: ApiClient, session: Session, options: Any) -> Job:
    response = analyze(api, session, options)
    assert response.status_code == 202, response.content
    return Job.objects.get(pk=response.json()["jobId"])


def test_named_fields_are_written_and_the_others_stay(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    first = submitted(api, session, {"fields": ["alt"]})
    succeed(first, some(alt="A mug"))
    assert api.call("GET", f"/jobs/{first.pk}").json()["images"][0]["metadata"] == {"alt": "A mug"}

    job_factory.run(job_factory.submit(alice, session))
    succeed(submitted(api, session, {"fields": ["title", "seoTags"]}), some(title="A Mug", seoTags=["mug"]))

    image = Image.objects.get()
    assert image.metadata == {**job_factory.METADATA, "title": "A Mug", "seoTags": ["mug"]}
    assert image.filename == "red-kettle"


def test_a_sidecar_of_an_image_with_an_alt_alone(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    succeed(submitted(api, session, {"fields": ["alt"]}), some(alt="A mug of ours"))

    response = api.call("GET", f"/sessions/{session.pk}/images/{Image.objects.get().pk}/sidecar.xmp")

    assert response.status_code == 200
    assert b"A mug of ours" in response.content


def test_edits_stay_unless_they_are_to_be_overwritten(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job_factory.run(job_factory.submit(alice, session))
    image = Image.objects.get()
    path = f"/sessions/{session.pk}/images/{image.pk}/metadata"
    api.call("PATCH", path, {"version": 1, "alt": "My words", "title": "My Title"})

    job_factory.run(submitted(api, session, {"tagCount": 9}))
    image.refresh_from_db()
    assert (_words(image)["alt"], image.edited) == ("My words", ["alt", "title"])

    succeed(submitted(api, session, {"overwriteEdits": True, "fields": ["alt"]}), some(alt="A mug"))
    image.refresh_from_db()
    assert (_words(image)["alt"], _words(image)["title"], image.edited) == ("A mug", "My Title", ["title"])

    job_factory.run(submitted(api, session, {"overwriteEdits": True}))
    image.refresh_from_db()
    assert (_words(image)["title"], image.edited) == (job_factory.METADATA["title"], None)


def test_unused_keywords_are_named_with_the_result(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job = submitted(api, session, {"keywords": ["mug", "elephant"]})
    succeed(job, job_factory.METADATA, extras={"unusedKeywords": ["elephant"]})

    image = f"/sessions/{session.pk}/images/{Image.objects.get().pk}"
    assert api.call("GET", f"/jobs/{job.pk}").json()["images"][0]["unusedKeywords"] == ["elephant"]
    assert api.call("GET", image).json()["unusedKeywords"] == ["elephant"]
    assert json.loads(JobEvent.objects.get(job=job, type="result").data)["unusedKeywords"] == ["elephant"]

    job_factory.run(job_factory.submit(alice, session))
    assert "unusedKeywords" not in api.call("GET", image).json()


# --- Decorative ---

DECORATION: ImageMetadata = {**job_factory.METADATA, "alt": ""}


def decorated(api: ApiClient, session: Session) -> Job:
    job = submitted(api, session, {"decorative": "auto"})
    succeed(job, DECORATION, extras={"decorative": True})
    return job


def test_a_decorative_image_is_a_success_everywhere(
    alice: Account, api: ApiClient, admin_client: Client, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job = decorated(api, session)

    (in_job,) = api.call("GET", f"/jobs/{job.pk}").json()["images"]
    address = f"/sessions/{session.pk}/images/{in_job['imageId']}"
    image = api.call("GET", address).json()
    for shown in (in_job, image):
        assert (shown["status"], shown["metadata"]["alt"], shown["decorative"]) == ("succeeded", "", True)
    result, complete = (json.loads(JobEvent.objects.get(job=job, type=kind).data) for kind in ("result", "complete"))
    assert (result["metadata"]["alt"], result["decorative"]) == ("", True)
    assert (complete["status"], complete["succeeded"], complete["creditsRefunded"]) == ("complete", 1, 0)
    assert charged(alice) == [-1]
    for page in ("imageanalysis/", f"job/{quote(job.pk)}/change/", f"session/{quote(session.pk)}/change/"):
        assert "decorative" in admin_client.get(f"/admin/forge/{page}").content.decode()
    assert api.call("GET", f"{address}/sidecar.xmp").status_code == 200


def test_a_persons_alt_makes_an_image_decorative_or_not(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    decorated(api, session)
    address = f"/sessions/{session.pk}/images/{Image.objects.get().pk}"

    written = api.call("PATCH", f"{address}/metadata", {"version": 1, "alt": "A border of leaves"}).json()
    assert "decorative" not in written
    assert "decorative" not in api.call("GET", f"/jobs/{decorated(api, session).pk}").json()["images"][0]
    emptied = api.call("PATCH", f"{address}/metadata", {"version": 3, "alt": ""}).json()
    assert emptied["decorative"] is True

    succeed(submitted(api, session, {"fields": ["title"]}), some(title="A Border"))
    assert api.call("GET", address).json()["decorative"] is True
    job_factory.run(submitted(api, session, {"overwriteEdits": True}))
    assert "decorative" not in api.call("GET", address).json()


# --- Several languages ---

GERMAN = {"title": "Eine Tasse", "alt": "Eine Tasse", "seoTags": ["tasse"]}
LANGUAGES = ["en", "de", "ja"]
FAILED = {"ja": {"error": "The models found no words for this image.", "code": "no_caption"}}


@pytest.fixture
def vision_server(settings: Any) -> None:
    settings.FORGE_MODELS = "vision-server"


def entries(account: Account) -> list[tuple[int, str]]:
    named = CreditEntry.objects.filter(account=account).exclude(kind="grant").order_by("pk")
    return list(named.values_list("amount", "language"))


@pytest.mark.usefixtures("vision_server")
def test_each_language_is_charged_and_the_one_that_fails_refunded(
    alice: Account, api: ApiClient, admin_client: Client, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job = submitted(api, session, {"languages": LANGUAGES})
    assert entries(alice) == [(-1, ""), (-1, "de"), (-1, "ja")]

    succeed(job, job_factory.METADATA, extras={"translations": {"de": GERMAN}, "translationErrors": FAILED})

    assert entries(alice)[3:] == [(1, "ja")]
    assert api.call("GET", "/credits/balance").json()["balance"] == 98
    assert api.call("GET", "/credits/ledger").json()["data"][0]["language"] == "ja"
    result, complete = (json.loads(JobEvent.objects.get(job=job, type=kind).data) for kind in ("result", "complete"))
    image = f"/sessions/{session.pk}/images/{Image.objects.get().pk}"
    for shown in (result, api.call("GET", f"/jobs/{job.pk}").json()["images"][0], api.call("GET", image).json()):
        assert (shown["translations"], shown["translationErrors"]) == ({"de": GERMAN}, FAILED)
    assert (complete["status"], complete["creditsCharged"], complete["creditsRefunded"]) == ("complete", 3, 1)
    assert "Eine Tasse" in api.call("GET", f"{image}/sidecar.xmp").content.decode()
    page = admin_client.get(f"/admin/forge/job/{quote(job.pk)}/change/").content.decode()
    assert all(text in page for text in ("Eine Tasse", "no_caption", "languages"))
    assert api.call("GET", "/sessions?q=tasse").json()["data"]
    assert list(audit.findings()) == []


@pytest.mark.usefixtures("vision_server")
def test_a_failed_or_cancelled_image_gives_every_language_back(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    failed = submitted(api, make_session(alice, 1), {"languages": LANGUAGES})
    job_factory.run(failed, failing=frozenset({0}))
    cancelled = submitted(api, make_session(alice, 2), {"languages": ["de", "fr"]})
    api.call("POST", f"/jobs/{cancelled.pk}/cancel")

    assert api.call("GET", "/credits/balance").json()["balance"] == 100
    for job, credits in ((failed, 3), (cancelled, 4)):
        complete = json.loads(JobEvent.objects.get(job=job, type="complete").data)
        assert (complete["creditsCharged"], complete["creditsRefunded"]) == (credits, credits)
    assert list(audit.findings()) == []


@pytest.mark.usefixtures("vision_server")
def test_too_few_credits_for_all_languages_charge_nothing(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    Account.objects.filter(pk=alice.pk).update(balance=5)

    response = analyze(api, make_session(alice, 2), {"languages": LANGUAGES})

    assert (response.status_code, response.json()["required"]) == (402, 6)
    assert entries(alice) == []


@pytest.mark.usefixtures("vision_server")
def test_a_later_result_replaces_the_translations_or_some_of_their_fields(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    succeed(
        submitted(api, session, {"languages": ["en", "de"]}),
        job_factory.METADATA,
        extras={"translations": {"de": GERMAN}},
    )
    succeed(
        submitted(api, session, {"languages": ["en", "de"], "fields": ["alt"]}),
        some(alt="A mug"),
        extras={"translations": {"de": some(alt="Ein Becher")}},
    )
    assert Image.objects.get().translations == {"de": {**GERMAN, "alt": "Ein Becher"}}

    job_factory.run(job_factory.submit(alice, session))
    assert Image.objects.get().translations is None


# --- analyze-single ---


@pytest.mark.django_db(transaction=True)
def test_analyze_single_takes_options_and_has_what_they_add(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    session = make_session(alice, 1)
    image = job_factory.body_for(session)["images"][0]
    body = json.dumps({"image": image, "options": {"keywords": ["elephant"], "decorative": "auto"}}).encode()
    headers = {"idempotency-key": "one"}

    def run(job: Job) -> None:
        succeed(job, DECORATION, extras={"unusedKeywords": ["elephant"], "decorative": True})

    first = asyncio.run(asgi_client.analyze_single(session.pk, body, key, failing=False, headers=headers, run=run))
    again = asyncio.run(asgi_client.analyze_single(session.pk, body, key, failing=None, headers=headers))

    content = json.loads(first.text)
    assert first.status == 200
    assert (content["metadata"]["alt"], content["decorative"], content["unusedKeywords"]) == ("", True, ["elephant"])
    assert json.loads(again.text) == content
