"""Which store a URL means, and where the default one is."""

import sys
from pathlib import Path

import pytest

from proxy.state.opening import default_store_url, store_from
from proxy.state.postgres import PostgresStore
from proxy.state.redis import RedisStore
from proxy.state.sqlite import SqliteStore
from proxy.state.store import Store, StoreOpenError


@pytest.mark.parametrize(
    ("url", "store"),
    [
        ("memory://", SqliteStore),
        ("sqlite:///state.db", SqliteStore),
        ("sqlite:////var/lib/dragoman/state.db", SqliteStore),
        ("SQLite:///state.db", SqliteStore),
        ("redis://localhost:6379/0", RedisStore),
        ("rediss://localhost", RedisStore),
        ("postgresql://localhost/dragoman", PostgresStore),
        ("postgres://localhost/dragoman", PostgresStore),
    ],
)
def test_the_scheme_names_the_store(url: str, store: type[Store]) -> None:
    assert isinstance(store_from(url, durability="process"), store)


@pytest.mark.parametrize("url", ["", "memory:", "dragoman.db", "mysql://root:secret@localhost", "://", "/etc/passwd"])
def test_other_urls_are_refused_without_what_they_hold(url: str) -> None:
    with pytest.raises(StoreOpenError, match=r"Known are memory://") as refused:
        store_from(url, durability="process")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://host/state.db", "sqlite:///a\0b"])
def test_a_file_has_to_be_named_after_three_slashes(url: str) -> None:
    with pytest.raises(StoreOpenError, match="sqlite:///FILE"):
        store_from(url, durability="process")


@pytest.mark.parametrize("url", ["redis://h:port/0", "redis://:secret@h/0?socket_time_out=5", "redis://h/0?db=first"])
async def test_what_redis_cannot_read_in_its_url_is_refused_without_what_it_holds(url: str) -> None:
    with pytest.raises(StoreOpenError, match="not a URL of Redis") as refused:
        await store_from(url, durability="process").open()
    assert "secret" not in str(refused.value)


async def test_paths_are_relative_or_from_the_root_or_from_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for url in ("sqlite:///a/state.db", f"sqlite:///{tmp_path}/b/state.db", "sqlite:///~/state.db"):
        store = store_from(url, durability="full")
        await store.open()
        await store.close()
    for made in ("a/state.db", "b/state.db", "home/state.db"):
        assert (tmp_path / made).is_file()


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("redis://localhost", "redis", "redis"), ("postgresql://localhost/x", "asyncpg", "postgres")],
)
async def test_a_missing_package_is_named_by_its_extra(
    url: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StoreOpenError, match=rf"dragoman\[{extra}\]"):
        await store_from(url, durability="process").open()


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"DRAGOMAN_STATE_DIR": "/data", "XDG_STATE_HOME": "/xdg", "HOME": "/h"}, "sqlite:////data/dragoman.db"),
        ({"DRAGOMAN_STATE_DIR": "", "XDG_STATE_HOME": "/xdg", "HOME": "/h"}, "sqlite:////xdg/dragoman/dragoman.db"),
        ({"XDG_STATE_HOME": "xdg", "HOME": "/h"}, "sqlite:////h/.local/state/dragoman/dragoman.db"),
        ({"HOME": "/h"}, "sqlite:////h/.local/state/dragoman/dragoman.db"),
    ],
)
def test_the_default_store_is_where_the_environment_says(environ: dict[str, str], url: str) -> None:
    assert default_store_url(environ) == url


def test_a_relative_folder_of_the_state_is_taken_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_store_url({"DRAGOMAN_STATE_DIR": "here"}) == f"sqlite:///{tmp_path}/here/dragoman.db"


def test_without_any_home_the_operator_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(path: str) -> str:
        return path

    monkeypatch.setattr("os.path.expanduser", nobody)
    with pytest.raises(StoreOpenError, match=r"DRAGOMAN_STATE_DIR.*store: memory://"):
        default_store_url({})


async def test_the_default_store_can_be_opened(tmp_path: Path) -> None:
    store = store_from(default_store_url({"XDG_STATE_HOME": str(tmp_path)}), durability="process")
    await store.open()
    await store.close()
    assert [path.name for path in (tmp_path / "dragoman").iterdir()] == ["dragoman.db"]
