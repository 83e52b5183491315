from threading import Event

from workers.runtime.heartbeat import Heartbeat


def test_a_heartbeat_that_was_not_started_can_be_stopped() -> None:
    Heartbeat([], seconds=60).stop()


def test_a_beat_that_raises_is_called_again() -> None:
    called_again = Event()
    calls: list[None] = []

    def beat() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise RuntimeError("once")
        called_again.set()

    heartbeat = Heartbeat([beat], seconds=0.01)
    heartbeat.start()
    assert called_again.wait(20)
    heartbeat.stop()
    assert not heartbeat._thread.is_alive()
