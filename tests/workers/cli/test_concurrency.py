import itertools
import threading
from pathlib import Path
from typing import Any

from tests.images import jpeg
from tests.workers.cli.caption_run import caption
from workers.cli.management.commands.caption import Command
from workers.cli.ordered_threads import map_ordered


def test_results_keep_the_order_of_the_items() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(60), "the second item did not run concurrently with the first"
        if item == 1:
            second_is_done.set()
        return item

    assert [(item, outcome.result()) for item, outcome in map_ordered(work, range(5), threads=2)] == [
        (item, item) for item in range(5)
    ]


def test_read_ahead_is_bounded() -> None:
    taken = itertools.count()
    endless = (next(taken) for _ in itertools.repeat(None))

    outcomes = map_ordered(str, endless, threads=3)
    results = [outcome.result() for _, outcome in itertools.islice(outcomes, 100)]
    outcomes.close()

    assert results == [str(number) for number in range(100)]
    assert next(taken) <= 100 + 2 * 3


def test_images_share_batches(tmp_path: Path, settings: Any) -> None:
    settings.FORGE_SCRIPT = {"delay_ms": 200}
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg())
    command = Command()

    assert len(caption("--json", tmp_path, command=command).records) == 12

    assert command.models.engine.batcher.items == 12
    assert max(command.models.engine.batcher.sizes) > 1
