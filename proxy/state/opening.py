"""Which store a URL means, and where the default one is."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from proxy.state.sqlite import Durability, SqliteStore
from proxy.state.store import Store, StoreOpenError

FILE_NAME: Final = "dragoman.db"
"""The name of the default store's file."""

_SHARED: Final = frozenset({"redis", "rediss", "postgresql"})

_PARTS: Final = re.compile(r"([^/?#]*)([^?#]*)(.*)", re.DOTALL)


def store_from(url: str, *, durability: Durability) -> Store:
    """The store that a URL means, not opened yet: memory://, sqlite:///FILE, redis://, rediss://, postgresql://.

    As elsewhere, `sqlite:///` is followed by a path: a relative one, or one that begins with a slash of its own.
    `durability` "process" survives the end of the process, "full" a power cut; Redis and PostgreSQL keep what they
    were configured to keep. Raises StoreOpenError for other URLs, and where a package is missing.
    """
    scheme, separator, _ = url.partition("://")
    maker = _MAKERS.get(scheme.lower()) if separator else None
    if maker is None:
        raise StoreOpenError(
            f"There is no store of the kind '{scheme[:32]}'. Known are memory://, sqlite:///FILE, redis://..., "
            "rediss://... and postgresql://..."
        )
    return maker(url, durability)


def default_store_url(environ: Mapping[str, str]) -> str:
    """The URL of the store where none is named: a SQLite file in `$DRAGOMAN_STATE_DIR`, else in
    `$XDG_STATE_HOME/dragoman`, else in `~/.local/state/dragoman`. Raises StoreOpenError where there is no home."""
    return f"sqlite:///{_state_folder(environ) / FILE_NAME}"


def is_shared(url: str) -> bool:
    """Whether several processes are meant to use a store at the same time, and to count together."""
    return url.partition("://")[0].lower() in _SHARED


def file_of(url: str) -> Path | None:
    """The file of a SQLite store, which need not exist; None for the URLs of other stores. Raises StoreOpenError for
    a URL that names no file."""
    scheme, _, path = url.partition("://")
    if scheme.lower() != "sqlite":
        return None
    if not path.startswith("/") or len(path) == 1 or "\0" in path:
        raise StoreOpenError(
            "The store's file is named as sqlite:///FILE or, from the root, as sqlite:////FOLDER/FILE."
        )
    file = Path(path[1:])
    try:
        return file.expanduser()
    except RuntimeError:
        raise StoreOpenError(f"The home folder in {file} cannot be found.") from None


def shown(url: str) -> str:
    """The URL of a store as an operator may be told it: without name, password and options."""
    scheme, _, rest = url.partition("://")
    if "@" not in rest and "?" not in rest:
        return url
    [(host, path, options), *_] = _PARTS.findall(rest)
    # An at sign elsewhere may stand in a password that should have been escaped.
    place = "..." if "@" in path + options else host.rpartition("@")[2] + path
    return f"{scheme}://{place}"


def _state_folder(environ: Mapping[str, str]) -> Path:
    if named := environ.get("DRAGOMAN_STATE_DIR"):
        return Path(named).absolute()
    # The standard has relative paths ignored.
    if (base := Path(environ.get("XDG_STATE_HOME", ""))).is_absolute():
        return base / "dragoman"
    home = Path(environ.get("HOME", ""))
    if not home.is_absolute():
        try:
            home = Path.home()
        except RuntimeError:
            raise StoreOpenError(
                "There is no home folder to keep responses in. Name a folder with the variable DRAGOMAN_STATE_DIR, or "
                "keep nothing with `store: memory://`."
            ) from None
    return home / ".local" / "state" / "dragoman"


def _memory(url: str, durability: Durability) -> Store:
    return SqliteStore(None, durability)


def _sqlite(url: str, durability: Durability) -> Store:
    return SqliteStore(file_of(url), durability)


def _redis(url: str, durability: Durability) -> Store:
    try:
        from proxy.state.redis import RedisStore

        return RedisStore(url)
    except ModuleNotFoundError as error:
        raise _missing("redis") from error


def _postgres(url: str, durability: Durability) -> Store:
    from proxy.state.postgres import PostgresStore

    try:
        return PostgresStore(url, durability)
    except ModuleNotFoundError as error:
        raise _missing("postgres") from error


def _missing(extra: str) -> StoreOpenError:
    return StoreOpenError(f"The store needs packages that are not installed: pip install 'dragoman[{extra}]'.")


_MAKERS: Final[Mapping[str, Callable[[str, Durability], Store]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "postgresql": _postgres,
    "postgres": _postgres,
}
