"""Each part of the service dies under load, and nothing is lost, doubled, out of order, or charged for nothing.

The short form of each scenario; `bin/bench faults` runs the long one.
"""

from collections.abc import Iterator

import pytest

from decoding import Limits
from forge.stack import Stack
from tests.e2e.client import colors
from tests.e2e.conftest import PATIENCE_S, MakeKey
from tests.e2e.running_stack import ENV, POISON, small_disk
from tests.e2e.scenarios import SCENARIOS, Scenario, run
from tests.postgres import Cluster
from workers.imaging import decoding
from workers.models import scripted

pytestmark = pytest.mark.e2e

CLIENTS, JOBS = 2, 2
SHORT = [scenario for scenario in SCENARIOS if scenario.short is not None]


@pytest.fixture(scope="module")
def ground_zero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all that is broken on SQLite: each scenario leaves it mended."""
    data = tmp_path_factory.mktemp("faults")
    env = {**ENV, "DATABASE_URL": None}
    with small_disk(data), Stack(data, port=0, webs=2, workers=2, env=env, report=print) as stack:
        stack.wait_ready(PATIENCE_S)
        yield stack


@pytest.fixture(scope="module")
def key(ground_zero: Stack, make_key: MakeKey) -> str:
    return make_key(ground_zero.data, credits=100_000)


def check(scenario: Scenario, stack: Stack, key: str, cluster: Cluster | None = None) -> None:
    assert scenario.short is not None
    outcome = run(scenario, scenario.short, stack=stack, key=key, clients=CLIENTS, least_jobs=JOBS, cluster=cluster)

    assert outcome.wrong == 0, outcome
    # No image of these clients failed either: what died with others was analysed again.
    assert outcome.tally.failures == {}, outcome
    assert outcome.tally.jobs >= JOBS


@pytest.mark.parametrize("scenario", [one for one in SHORT if not one.postgres], ids=lambda one: one.name)
def test_nothing_is_lost_with(scenario: Scenario, ground_zero: Stack, key: str) -> None:
    check(scenario, ground_zero, key)


@pytest.mark.postgres
@pytest.mark.parametrize("scenario", [one for one in SHORT if one.postgres], ids=lambda one: one.name)
def test_nothing_is_lost_on_postgresql_with(
    scenario: Scenario, postgres: Cluster, tmp_path_factory: pytest.TempPathFactory, make_key: MakeKey
) -> None:
    env = {**ENV, "DATABASE_URL": postgres.url}
    with Stack(tmp_path_factory.mktemp("faults"), port=0, webs=2, workers=2, env=env, report=print) as stack:
        stack.wait_ready(PATIENCE_S)

        check(scenario, stack, make_key(stack.data, credits=100_000, database=postgres.url), postgres)


def test_the_clients_send_no_poison() -> None:
    poison = scripted.Script.from_options({"crash_color": POISON}).crash_color

    for picture in colors(256):  # From there on the colours come again.
        assert not scripted._is_color(decoding.decode(picture, limits=Limits(pixels=10**6)).pixels, poison)
