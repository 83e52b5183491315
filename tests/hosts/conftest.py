import os
import shutil
from collections.abc import Iterator

import pytest

from tests.hosts.deployment import Deployment
from tests.hosts.network import Network
from tests.postgres import programs


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All hosts, ready. bin/test --hosts gives the tests a network namespace of their own, and says what is missing."""
    if "FORGE_OWN_NETWORK" not in os.environ:
        pytest.skip("separate hosts are tested by bin/test --hosts, as root")
    if missing := [name for name in ("nginx", "openssl", "setpriv") if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if programs() is None:
        pytest.skip("not installed: postgresql")
    folder = tmp_path_factory.mktemp("hosts")
    for parent in (folder, *folder.parents[:2]):  # PostgreSQL runs as another user
        parent.chmod(0o755)
    with Network(folder) as network:
        running = Deployment(network)
        running.wait_ready()
        yield running


@pytest.fixture(scope="session")
def key(deployment: Deployment) -> str:
    return deployment.manage(deployment.webs[0], "make_key", "--account", "alice", "--credits", "100000")
