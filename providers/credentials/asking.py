"""How the libraries of the clouds are asked: in a thread of its own, their complaints made fit for the log."""

import asyncio
import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Final, TypeVar

Value = TypeVar("Value")

MAX_REASON: Final = 600
"""How much of a library's complaint is told, in characters."""

LOUD: Final = ("azure", "botocore", "google.auth", "msal")
"""Libraries that log what they were answered, secrets included; what matters of it is told once, by us."""

_TOKEN: Final = re.compile(
    r"eyJ[\w-]{8,}(\.[\w-]*)*|ya29\.[\w.-]+|(?<=[?&]sig=)[^&\s]+"
    r"|(?i:(?<=token\": \")|(?<=token\":\")|(?<=token': ')|(?<=secret\": \")|(?<=secret\":\"))[^\"']+"
)
"""What looks like a token, whoever repeats it."""

_SECRET_VARIABLE: Final = re.compile(r"(SECRET|TOKEN|PASSWORD|KEY|IDENTITY_HEADER)(?!.*_(FILE|URI|URL|PATH|ENDPOINT)$)")
"""Variables of the environment that hold secrets, by their names."""

MIN_SECRET: Final = 6
"""The shortest secret that is masked, in characters; anything shorter is a word."""


class NoCredentialError(Exception):
    """Why no credential could be had: a sentence for the operator, without secrets."""


async def ask(whom: str, work: Callable[[], Value], *secrets: str | None) -> Value:
    """What a library gives that is asked in a thread of its own. Raises NoCredentialError, which names none of the
    secrets."""
    for library in LOUD:
        logger = logging.getLogger(library)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)
    try:
        return await in_thread(work)
    except NoCredentialError:
        raise
    except Exception as error:
        told = reason(error, *secrets)
    # Not from the error: it may show what must not be shown.
    raise NoCredentialError(f"{whom} gave no credential: {told}")


async def in_thread(work: Callable[[], Value]) -> Value:
    """The result of a function that waits. Raises what it raises.

    The thread is its own: a library that hangs takes none of the threads that the rest of the process needs, and does
    not hold up its end.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Value] = loop.create_future()

    def settle(value: Value | None, error: Exception | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]  # the value is there where the error is not

    def run() -> None:
        value: Value | None = None
        error: Exception | None = None
        try:
            value = work()
        except Exception as raised:
            error = raised
        except BaseException as raised:
            # It would end the event loop and not this thread.
            error = RuntimeError(f"the library gave up: {type(raised).__name__}")
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="credentials", daemon=True).start()
    return await result


def reason(error: BaseException, *secrets: str | None) -> str:
    """What a library complains of, in one line and without what looks like a secret or is one of these."""
    told = getattr(error, "message", None) or (error.args[0] if error.args else "")
    text = " ".join(str(told if isinstance(told, str) else error).split())
    variables = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    for secret in (*secrets, *variables):
        if secret and len(secret) >= MIN_SECRET:
            text = text.replace(secret, "***")
    text = _TOKEN.sub("***", text)[:MAX_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def missing(module: str, extra: str, purpose: str) -> str | None:
    """What to install where a module is not there; None where it is."""
    try:
        found = find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    return None if found else f"{purpose} needs the extra {extra!r}: install dragoman[{extra}]"


def account(*parts: str | None) -> str:
    """16 hexadecimal characters that stand for an account."""
    return hashlib.sha256("\0".join(("dragoman account", *(part or "" for part in parts))).encode()).hexdigest()[:16]
