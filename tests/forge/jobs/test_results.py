"""analysis_succeed saves metadata and assessment on the analysis and on its image."""

from collections.abc import Callable

from forge.jobs import services
from forge.models import Account, Image, ImageAnalysis, JobEvent, Session
from tests.forge import job_factory

MakeSession = Callable[..., Session]
SAVED = ("painting", 0.25, True)


def saved(row: Image | ImageAnalysis) -> tuple[str, float | None, bool | None]:
    row.refresh_from_db()
    return row.kind, row.confidence, row.needs_review


def test_a_result_is_saved_on_the_analysis_and_on_its_image(alice: Account, make_session: MakeSession) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    assert saved(analysis) == saved(analysis.image) == ("", None, None)

    assert job_factory.succeed(job_factory.claim(analysis))

    assert saved(analysis) == saved(analysis.image) == SAVED


def test_a_lost_claim_saves_nothing(alice: Account, make_session: MakeSession) -> None:
    (analysis,) = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))
    lost = job_factory.claim(analysis)
    ImageAnalysis.objects.update(holder="worker-2")

    assert not job_factory.succeed(lost)

    assert saved(analysis) == saved(analysis.image) == ("", None, None)
    assert not JobEvent.objects.filter(type="result").exists()


def test_a_later_result_replaces_the_images_and_leaves_the_earlier_analysis(
    alice: Account, make_session: MakeSession
) -> None:
    session = make_session(alice, 1)
    job_factory.run(job_factory.submit(alice, session))
    (later,) = job_factory.analyses(job_factory.submit(alice, session))

    services.analysis_succeed(
        claim=job_factory.claim(later),
        metadata=job_factory.METADATA,
        assessment={"kind": "logo", "confidence": 0.8, "needsReview": False},
        filenames=["red-kettle"],
    )

    assert saved(session.images.get()) == saved(later) == ("logo", 0.8, False)
    assert saved(ImageAnalysis.objects.exclude(pk=later.pk).get()) == SAVED
