from django.conf import settings

from forge.stack import commands


def test_the_procfile_has_the_options_of_the_stack() -> None:
    lines = dict(line.split(": ", 1) for line in (settings.BASE_DIR / "Procfile").read_text().splitlines())

    assert lines["web"].split() == [
        *("uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "${PORT:-8000}"),
        *commands.WEB_OPTIONS,
    ]
    assert lines["worker"].split() == ["celery", "-A", "config", "--quiet", "worker", *commands.WORKER_OPTIONS]


def test_the_stack_runs_them_on_loopback_with_names_of_their_own() -> None:
    web, worker = commands.web_command(8123), commands.worker_command(2)

    assert web[web.index("--host") + 1] == "127.0.0.1"
    assert web[web.index("--port") + 1] == "8123"
    assert web[-len(commands.WEB_OPTIONS) :] == commands.WEB_OPTIONS
    assert worker[worker.index("-n") + 1].endswith("-2@%h")
    assert worker[-len(commands.WORKER_OPTIONS) :] == commands.WORKER_OPTIONS
