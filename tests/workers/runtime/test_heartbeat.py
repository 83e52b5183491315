from threading import Event

from workers.runtime.heartbeat import Heartbeat


def test_a_worker_that_ends_before_it_has_begun_stops_its_heartbeat() -> None:
    Heartbeat([], seconds=60).stop()


def test_a_beat_that_raises_is_called_again() -> None:
    beaten = Event()
    calls: list[None] = []

    def beat() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise RuntimeError("once")
        beaten.set()

    heart = Heartbeat([beat], seconds=0.01)
    heart.start()
    assert beaten.wait(20)
    heart.stop()
    assert not heart._thread.is_alive()
