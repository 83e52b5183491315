"""File names are unique within a session and stable when an image is analysed again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from forge.jobs import services
from forge.jobs.references import ImageReference
from forge.models import Account, Image, ImageAnalysis, Session
from forge.sessions.filenames import FILENAME_MAX_LENGTH, filename_choose
from tests.forge import job_factory
from workers.composing.filename import FILENAME_LIMIT

pytestmark = pytest.mark.django_db
MakeSession = Callable[..., Session]
KETTLE = ("red-kettle", "red-kettle-stove", "red-kettle-dark")


def analyze_all(alice: Account, session: Session, candidates: Sequence[str] = KETTLE) -> list[str | None]:
    for analysis in job_factory.analyses(job_factory.submit(alice, session)):
        job_factory.succeed(job_factory.claim(analysis), *candidates)
    return names(session)


def analyze_again(alice: Account, image: Image, candidates: Sequence[str] = KETTLE) -> str | None:
    """Run a job for this image alone."""
    reference = ImageReference(id=image.pk, upload_path=image.upload_path)
    job = services.job_submit(account=alice, session=image.session, references=[reference])
    job_factory.succeed(job_factory.claim(job_factory.analyses(job)[0]), *candidates)
    image.refresh_from_db()
    return image.filename


def names(session: Session) -> list[str | None]:
    return list(session.images.order_by("position").values_list("filename", flat=True))


def test_a_distinguishing_word_comes_before_a_number(alice: Account, make_session: MakeSession) -> None:
    assert analyze_all(alice, make_session(alice, 5)) == [*KETTLE, "red-kettle-2", "red-kettle-3"]


def test_a_second_analysis_keeps_the_name(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 5)
    first = analyze_all(alice, session)

    assert [analyze_again(alice, image) for image in session.images.order_by("position")] == first


def test_a_second_analysis_keeps_the_name_when_a_better_one_is_free(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 4)
    analyze_all(alice, session)
    best, second, _, numbered = session.images.order_by("position")
    best.delete()

    assert analyze_again(alice, second) == "red-kettle-stove"
    assert analyze_again(alice, numbered) == "red-kettle-2"


def test_another_caption_changes_the_name(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    analyze_all(alice, session)

    assert analyze_again(alice, session.images.get(position=1), ("blue-teapot",)) == "blue-teapot"


def test_names_are_compared_without_case(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    one, other = session.images.order_by("position")
    Image.objects.filter(pk=one.pk).update(filename="Red-Kettle")

    assert filename_choose(image=other, candidates=["RED-KETTLE", "Red-Kettle-Stove"]) == "red-kettle-stove"


def test_names_of_other_sessions_are_free(alice: Account, make_session: MakeSession) -> None:
    assert analyze_all(alice, make_session(alice, 1)) == analyze_all(alice, make_session(alice, 1)) == ["red-kettle"]


@pytest.mark.django_db(transaction=True)
def test_concurrent_images_get_different_names(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 10)

    def work(analysis: ImageAnalysis) -> None:
        try:
            job_factory.succeed(job_factory.claim(analysis), *KETTLE)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, job_factory.analyses(job_factory.submit(alice, session))))

    assert sorted(filter(None, names(session))) == sorted([*KETTLE, *(f"red-kettle-{n}" for n in range(2, 9))])


def test_workers_service_and_database_limit_file_names_alike() -> None:
    assert FILENAME_LIMIT == FILENAME_MAX_LENGTH == Image._meta.get_field("filename").max_length
