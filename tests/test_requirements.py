"""The lock files have what requirements*.txt have, and all packages that those need, each with hashes."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = ["requirements", "requirements-dev"]
Records = dict[str, list[tuple[Requirement, list[str]]]]


def listed(name: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / f"{name}.txt").read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def locked(name: str) -> Records:
    """Return the lock's requirements and their hashes, by package; a package may have one for each Python."""
    found: Records = {}
    for line in (ROOT / f"{name}.lock").read_text().replace("\\\n", " ").splitlines():
        text, *hashes = line.split(" --hash=")
        requirement = Requirement(text)
        found.setdefault(requirement.name, []).append((requirement, [one.strip() for one in hashes]))
    return found


@pytest.mark.parametrize("name", FILES)
def test_each_listed_package_is_locked_with_its_version(name: str) -> None:
    """Run bin/lock after a change of requirements*.txt."""
    for requirement in listed(name):
        if requirement.name == "torch":  # its builds have one version and many hashes: bin/setup installs it alone
            continue
        versions = [str(record.specifier) for record, _ in locked(name).get(canonicalize_name(requirement.name), [])]
        assert versions == [str(requirement.specifier)], requirement


@pytest.mark.parametrize("name", FILES)
def test_each_locked_package_has_hashes_and_no_address(name: str) -> None:
    records = [record for records in locked(name).values() for record in records]
    assert len(records) > 100
    for requirement, hashes in records:
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in hashes), requirement
    assert "://" not in (ROOT / f"{name}.lock").read_text()


@pytest.mark.parametrize("name", FILES)
def test_each_requirement_of_a_locked_package_is_locked(name: str) -> None:
    """bin/setup installs with --no-deps: what the lock lacks would be missing."""
    records = locked(name)
    wanted = [(requirement.name, extra) for requirement in listed(name) for extra in ["", *requirement.extras]]
    seen = set(wanted)
    while wanted:
        package, extra = wanted.pop()
        for text in metadata.requires(package) or []:
            requirement = Requirement(text)
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            if not needed or (
                canonicalize_name(package) == "torch" and re.match("nvidia|cuda|triton", requirement.name)
            ):
                continue
            assert requirement.name == "torch" or canonicalize_name(requirement.name) in records, (package, text)
            more = {(canonicalize_name(requirement.name), one) for one in ["", *requirement.extras]} - seen
            wanted += more
            seen |= more


def test_both_locks_have_the_same_versions() -> None:
    run, dev = locked("requirements"), locked("requirements-dev")
    assert {name: dev.get(name) for name in run} == run


def test_no_package_of_cuda_is_locked() -> None:
    assert not [name for name in locked("requirements-dev") if re.match("nvidia|cuda|triton|torch$", name)]
