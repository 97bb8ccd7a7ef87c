"""The servers of the tests themselves."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.state import servers
from tests.state.servers import REQUIRED, Server, postgres_server, redis_server

WITHOUT = pytest.mark.parametrize(
    ("server", "package"), [(redis_server, "redis-server"), (postgres_server, "postgresql")]
)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(servers, "DEBIAN", tmp_path)


@WITHOUT
def test_a_missing_server_skips_and_names_its_package(
    server: Callable[[], AbstractContextManager[Server]], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match=rf"is missing \(Debian package {package}\)"), server():
        pass


@WITHOUT
def test_a_missing_server_fails_where_servers_are_required(
    server: Callable[[], AbstractContextManager[Server]], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REQUIRED, "required")
    with pytest.raises(pytest.fail.Exception, match=package), server():
        pass
