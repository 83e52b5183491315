"""Each part of the service dies under load: no event is lost, duplicated or out of order, no credit is off.

The short form of each scenario; `bin/bench faults` runs the long one.
"""

from collections.abc import Iterator

import pytest

from decoding import Limits
from forge.stack import Stack
from tests.e2e.client import colored_images
from tests.e2e.conftest import TIMEOUT_S, MakeKey
from tests.e2e.running_stack import ENV, POISON_COLOR, small_disk
from tests.e2e.scenarios import SCENARIOS, Scenario, run_scenario
from tests.postgres import Cluster
from workers.imaging import decoding
from workers.models import scripted

pytestmark = pytest.mark.e2e

CLIENTS, JOBS = 2, 2
SHORT = [scenario for scenario in SCENARIOS if scenario.short is not None]


@pytest.fixture(scope="module")
def faulty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all scenarios on SQLite: each leaves it ready."""
    data = tmp_path_factory.mktemp("faults")
    env = {**ENV, "DATABASE_URL": None}
    with small_disk(data / "media"), Stack(data, port=0, webs=2, workers=2, env=env, report=print) as stack:
        stack.wait_ready(TIMEOUT_S)
        yield stack


@pytest.fixture(scope="module")
def key(faulty_stack: Stack, make_key: MakeKey) -> str:
    return make_key(faulty_stack.data, credits=100_000)


def check(scenario: Scenario, stack: Stack, key: str, cluster: Cluster | None = None) -> None:
    assert scenario.short is not None
    result = run_scenario(
        scenario, scenario.short, stack=stack, key=key, clients=CLIENTS, least_jobs=JOBS, cluster=cluster
    )

    assert result.wrong == 0, result
    # No image of these clients failed either: what was in flight in a dead process was analysed again.
    assert result.counts.failures == {}, result
    assert result.counts.jobs >= JOBS


@pytest.mark.parametrize("scenario", [one for one in SHORT if not one.postgres], ids=lambda one: one.name)
def test_no_event_or_credit_is_lost_with(scenario: Scenario, faulty_stack: Stack, key: str) -> None:
    check(scenario, faulty_stack, key)


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", [one for one in SHORT if one.postgres], ids=lambda one: one.name)
def test_no_event_or_credit_is_lost_on_postgresql_with(
    scenario: Scenario, postgres: Cluster, tmp_path_factory: pytest.TempPathFactory, make_key: MakeKey
) -> None:
    env = {**ENV, "DATABASE_URL": postgres.url}
    with Stack(tmp_path_factory.mktemp("faults"), port=0, webs=2, workers=2, env=env, report=print) as stack:
        stack.wait_ready(TIMEOUT_S)

        check(scenario, stack, make_key(stack.data, credits=100_000, database=postgres.url), postgres)


def test_the_load_has_no_poison_image() -> None:
    poison = scripted.Script.from_options({"crash_color": POISON_COLOR}).crash_color

    for image in colored_images(256):  # the colours repeat from there on
        assert not scripted._is_color(decoding.decode(image, limits=Limits(pixels=10**6)).pixels, poison)
