"""The Redis server of a store: how it is reached, and the scripts that it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from proxy.state.store import StoreOpenError

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX: Final = "{dragoman}:"

CONNECT_TIMEOUT: Final = 5.0
"""How long connecting may take, in seconds: long enough for a process that has a tenth of a core and 100 callers."""

ANSWER_TIMEOUT: Final = 10.0
"""How long one answer may take, and how long a call waits for a connection, in seconds."""

MAX_CONNECTIONS: Final = 32

Reply: TypeAlias = "bytes | int | list[Reply] | None"

Argument: TypeAlias = "str | bytes | int | float"


class Script(NamedTuple):
    """A script, and the digest under which the server keeps it."""

    text: str
    digest: str


_READING: Final = frozenset(
    {
        "conversation",
        "conversation_item",
        "conversation_items",
        "conversation_with_history",
        "events",
        "find_items",
        "history",
        "output",
        "response",
        "response_with_history",
        "spend_page",
        "spent",
    }
)

_IN_NEED: Final = frozenset(
    {
        "delete_conversation",
        "delete_response",
        "release",
        "release_runs",
        "remove_item",
        "renew_runs",
        "request_cancel",
        "secret",
        "sweep",
        "sweep_spend",
        "take_over_runs",
        "trim",
    }
)
"""What is let through while the server is out of memory: above all what makes room."""


def load_scripts() -> dict[str, Script]:
    """All scripts, by their names."""
    folder = files("proxy.state").joinpath("redis_scripts")
    bodies = {entry.name.removesuffix(".lua"): entry.read_text("utf-8") for entry in folder.iterdir()}
    common = bodies.pop("common")
    scripts = {}
    for name, body in bodies.items():
        flags = "no-writes" if name in _READING else "allow-oom" if name in _IN_NEED else ""
        # With its flags in front a script is refused before it begins, never in its middle.
        text = f"#!lua flags={flags}\n{common}\n{body}"
        scripts[name] = Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
    return scripts


def connect(url: str) -> Redis:
    """A client of the server, which connects when it is needed. Raises StoreOpenError for what is no URL."""
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=ANSWER_TIMEOUT,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=ANSWER_TIMEOUT,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            # Ids that no UTF-8 can hold are like any other unknown id.
            encoding_errors="surrogatepass",
        )
        # Parameters of the URL that nobody knows are found out when a connection is made.
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError):
        # The cause repeats parts of the URL, maybe its password.
        raise StoreOpenError("The URL of the store is not a URL of Redis.") from None
    pool.connection_kwargs["decode_responses"] = False
    return Redis.from_pool(pool)


async def evaluate(client: Redis, script: Script, arguments: Iterable[Argument]) -> Reply:
    """Run a script. Raises what the client raises."""
    from redis.exceptions import NoScriptError

    execute = cast("Callable[..., Awaitable[Reply]]", client.execute_command)
    try:
        return await execute("EVALSHA", script.digest, 1, PREFIX, *arguments)
    except NoScriptError:
        # The server began anew, or forgot its scripts.
        return await execute("EVAL", script.text, 1, PREFIX, *arguments)


async def refuse_eviction(client: Redis) -> None:
    """A server that throws away any key when its memory is full would lose parts of histories."""
    from redis.exceptions import NoPermissionError, ResponseError

    execute = cast("Callable[..., Awaitable[Mapping[str, object]]]", client.execute_command)
    try:
        memory = await execute("INFO", "memory")
    except (NoPermissionError, ResponseError):
        return
    policy = str(memory.get("maxmemory_policy", ""))
    if memory.get("maxmemory") and policy.startswith("allkeys"):
        raise StoreOpenError(f"Redis throws away keys of the store (maxmemory-policy {policy}); set it to noeviction.")
