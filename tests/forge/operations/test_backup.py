"""Backup and restore: every row and file, while jobs run; what is damaged or newer changes nothing."""

import hashlib
import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from forge import idempotency
from forge.accounts import account_ensure, key_issue
from forge.credits import audit, ledger
from forge.models import Account, Image, ImageAnalysis, Job, JobEvent, Session
from forge.operations import readiness
from forge.operations.backup import BackupError, backup_restore, backup_verify, backup_write, rows
from tests.forge import job_factory

# Made by this test's `fill` at migration 0009 on SQLite. Later versions restore it as it is.
FIXTURE = Path(__file__).parent / "backup-0009.tar"
FIXTURE_KEY_HASH = "5053573e8048"

pytestmark = pytest.mark.django_db(transaction=True)


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    return {
        rows.label(model): sorted(model._base_manager.values_list(*_columns(model)), key=repr)
        for model in rows.tables()
    }


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def all_files(media: Path) -> dict[str, bytes]:
    return {path.relative_to(media).as_posix(): path.read_bytes() for path in media.rglob("*") if path.is_file()}


def fill(alice: Account, make_session: Callable[..., Session]) -> None:
    """Write rows of every table: jobs in each state, keys, an operator with a group."""
    operator = User.objects.create_user("operator", password="a long password of the admin")
    operator.groups.add(Group.objects.create(name="support"))
    key_issue(account=alice, label="first")
    ended, failed, waiting, running = (make_session(alice, 2) for _ in range(4))
    job_factory.run(job_factory.submit(alice, ended))
    job_factory.run(job_factory.submit(alice, failed), failing=frozenset({1}))
    job_factory.submit(alice, waiting)
    job_factory.claim(job_factory.analyses(job_factory.submit(alice, running))[0])
    row, _ = idempotency.key_claim(account=alice, key="one", fingerprint="f" * 64)
    idempotency.key_complete(row, session=ended, job=None, status=201, response={"an": ["answer", 1.5, None, "ä"]})


@pytest.fixture
def alice(transactional_db: None) -> Account:
    return account_ensure(name="alice", credits=100)


@pytest.fixture
def archive(alice: Account, make_session: Callable[..., Session], tmp_path: Path) -> Path:
    fill(alice, make_session)
    backup_write(tmp_path / "forge.tar")
    return tmp_path / "forge.tar"


def test_a_restore_has_every_row_and_file_of_the_backup(archive: Path, media: Path) -> None:
    before, files = all_rows(), all_files(media)
    assert all(before[f"forge.{name}"] for name in ("account", "apikey", "job", "jobevent", "idempotencykey"))
    assert len(files) == 8
    Session.objects.all().delete()
    account_ensure(name="mallory", credits=5)
    for path in list(media.rglob("*.jpg"))[:5]:
        path.unlink()

    backup_restore(archive, replace=True)

    assert all_rows() == before
    assert all_files(media) == files
    assert list(audit.findings()) == []
    account_ensure(name="next", credits=1)  # the sequences go on after the restored rows
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600


def test_a_backup_under_load_is_one_consistent_state(
    alice: Account, make_session: Callable[..., Session], tmp_path: Path, media: Path
) -> None:
    fill(alice, make_session)
    stopping, rounds = threading.Event(), list[int]()

    def load() -> None:
        try:
            while not stopping.is_set() or len(rounds) < 5:
                ledger.grant(account_id=alice.pk, amount=2)
                job_factory.run(job_factory.submit(alice, make_session(alice, 2)), failing=frozenset({1}))
                rounds.append(1)
        finally:
            connection.close()

    thread = threading.Thread(target=load)
    thread.start()
    try:
        backups = [backup_write(tmp_path / f"{number}.tar") for number in range(3)]
    finally:
        stopping.set()
        thread.join(120)
    assert not thread.is_alive()

    for number, backup in enumerate(backups):
        backup_restore(tmp_path / f"{number}.tar", replace=True)
        assert list(audit.findings()) == []
        assert {rows.label(m): m._base_manager.count() for m in rows.tables()} == dict(backup.tables)
        assert backup.missing == []
        assert all(default_storage.exists(key) for key in Image.objects.values_list("storage_key", flat=True))


def test_an_archive_of_an_earlier_version_is_restored_and_migrated(alice: Account, media: Path) -> None:
    backup_restore(FIXTURE, replace=True)

    assert Account.objects.get().name == "alice"
    assert Account.objects.get().keys.get().hash.startswith(FIXTURE_KEY_HASH)
    assert User.objects.get().check_password("a long password of the admin")
    assert User.objects.get().groups.get().name == "support"
    statuses = sorted(Job.objects.values_list("status", flat=True))
    assert statuses == ["complete", "partial", "queued", "running"]
    assert (ImageAnalysis.objects.count(), JobEvent.objects.count()) == (8, 11)
    assert Image.objects.exclude(metadata=None).count() == 3
    assert len(all_files(media)) == 8
    assert list(audit.findings()) == []
    call_command("migrate", check_unapplied=True, verbosity=0)


def test_a_filled_database_is_kept_without_replace(archive: Path) -> None:
    before = all_rows()

    with pytest.raises(BackupError, match="not empty"):
        backup_restore(archive)

    assert all_rows() == before


def _truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _without_end(data: bytes) -> bytes:
    return data[: data.rindex(b"end.json")]


def _changed_upload(data: bytes) -> bytes:
    place = data.index(b"\xff\xd8\xff") + 100
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _changed_rows(data: bytes) -> bytes:
    place = data.index(b"\x1f\x8b\x08") + 40
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("damage", [_truncated, _without_end, _changed_upload, _changed_rows, lambda _: b"no archive"])
def test_a_damaged_archive_changes_nothing(archive: Path, media: Path, damage: Callable[[bytes], bytes]) -> None:
    before, files = all_rows(), all_files(media)
    archive.write_bytes(damage(archive.read_bytes()))

    with pytest.raises(BackupError, match=r"damaged|truncated"):
        backup_restore(archive, replace=True)

    assert (all_rows(), all_files(media)) == (before, files)


def _rewritten(archive: Path, **changes: Any) -> Path:
    """Write the archive again with another manifest and a matching digest."""
    target, digest = archive.with_name("rewritten.tar"), hashlib.sha256()
    with tarfile.open(archive) as source, tarfile.open(target, "w") as copy:
        for info in source:
            data = source.extractfile(info).read()  # type: ignore[union-attr]
            if info.name == "manifest.json":
                data = json.dumps({**json.loads(data), **changes}).encode()
            if info.name == "end.json":
                data = json.dumps({**json.loads(data), "sha256": digest.hexdigest()}).encode()
            info.size = len(data)
            digest.update(f"{info.name}\0{info.size}\0".encode() + data)
            copy.addfile(info, io.BytesIO(data))
    return target


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"migrations": [["forge", "9999_later"]]}, r"newer version: it has forge\.9999_later"),
        ({"format": 2}, "format 2, and this version reads up to 1"),
    ],
)
def test_an_archive_of_a_newer_version_is_refused_in_words(archive: Path, changes: Any, words: str) -> None:
    newer, before = _rewritten(archive, **changes), all_rows()

    with pytest.raises(BackupError, match=words):
        backup_restore(newer, replace=True)

    assert all_rows() == before


def test_a_restore_that_fails_leaves_database_and_files_as_they_were(
    archive: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Session.objects.all()[0].delete()
    for path in list(media.rglob("*.jpg"))[:3]:
        path.unlink()
    before, files = all_rows(), all_files(media)

    def fail(*_: Any) -> Iterator[None]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("forge.operations.backup.restore._reset_sequences", fail)
    with pytest.raises(OSError, match="No space"):
        backup_restore(archive, replace=True)

    assert (all_rows(), all_files(media)) == (before, files)


def test_a_file_that_was_deleted_meanwhile_is_named(
    alice: Account, make_session: Callable[..., Session], tmp_path: Path
) -> None:
    image = make_session(alice, 2).images.all()[0]
    default_storage.delete(image.storage_key)

    backup = backup_write(tmp_path / "forge.tar")

    assert (backup.missing, backup.files) == ([image.storage_key], 1)
    assert backup_verify(tmp_path / "forge.tar").files == 1


def test_the_commands_refuse_an_existing_file_and_a_running_service(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="exists"):
        call_command("backup", str(archive))
    readiness.worker_alive("one")
    with pytest.raises(CommandError, match="The service is running"):
        call_command("restore", str(archive), replace=True)
    readiness.worker_gone("one")

    call_command("backup", str(tmp_path / "second.tar"))
    call_command("restore", str(tmp_path / "second.tar"), verify=True)
    call_command("restore", str(tmp_path / "second.tar"), replace=True)

    printed = capsys.readouterr().out
    assert "and 8 uploads (" in printed
    assert "second.tar is whole" in printed
    assert "second.tar is restored" in printed
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
