"""Equal requests give equal bytes in every process: another one, in which texts have other hashes, translates the same
requests.

`python -m proxy.testing.processes` is that other process: it reads how the provider is made from standard input and
writes the hash of each call.
"""

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel

from proxy.provider.contract import Provider
from proxy.responses.errors import ResponsesError
from proxy.testing.problem import Problem
from proxy.testing.replay import translate
from proxy.testing.requests import STANDARD
from proxy.testing.walk.parameters import MINIMAL

PATIENCE: Final = 120.0
"""How long the other process may take, in seconds."""


SEEDS: Final = ("1", "2")
"""What texts are hashed with there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the other process does: translate the standard requests for the models."""

    provider: Provider
    models: Sequence[str]


def can_be_sent(provider: Provider) -> bool:
    """Whether the provider can be handed to another process."""
    return _packed(provider, ()) is not None


def same_elsewhere(provider: Provider, models: Sequence[str]) -> Iterator[Problem]:
    """The calls for all standard requests are the same in a process with other hashes."""
    packed = _packed(provider, models)
    assert packed is not None
    with ThreadPoolExecutor(len(SEEDS)) as threads:
        others = list(threads.map(lambda seed: _other(packed, seed), SEEDS))
    here = digests(provider, models)
    for other in others:
        if other.returncode:
            wanted = "the standard requests to be translated in another process"
            yield Problem("processes", "all standard requests", wanted, other.stderr.decode(errors="replace")[-500:])
            return
        there: dict[str, str] = orjson.loads(other.stdout)
        for name, digest in here.items():
            if there.get(name) != digest:
                wanted = "the same call in a process in which texts have other hashes"
                found = "another call: an order that hashes decide, the time, or chance is in it"
                yield Problem("processes", name, wanted, found)


def _other(packed: bytes, seed: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "proxy.testing.processes"],
        input=packed,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def digests(provider: Provider, models: Sequence[str]) -> dict[str, str]:
    """A hash of the call for each model and standard request."""
    found = {}
    for model in models:
        for each in (*STANDARD, None):
            request: Mapping[str, Any] = each.request if each is not None else _rest(MINIMAL)
            try:
                call = translate(provider, model, request, stream=True).call
            except ResponsesError:
                continue
            whole = repr((call.method, call.path, call.body, sorted(call.headers.items()))).encode()
            found[f"{model}, {each.name if each is not None else 'a minimal request'}"] = hashlib.sha256(
                whole
            ).hexdigest()
    return found


def _rest(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "model"}


def _packed(provider: Provider, models: Sequence[str]) -> bytes | None:
    """The provider itself; else its class with the settings that it holds."""
    for made in (Asked, _by_settings):
        with suppress(Exception):  # whatever a provider holds that cannot be packed
            packed = pickle.dumps(made(provider, models))
            pickle.loads(packed)  # noqa: S301 - our own
            return packed
    return None


def _by_settings(provider: Provider, models: Sequence[str]) -> "_Made":
    kind = type(provider)
    names = (*getattr(provider, "__dict__", ()), *getattr(kind, "__slots__", ()))
    held = (getattr(provider, name, None) for name in names)
    return _Made(kind, next(value for value in held if isinstance(value, kind.Settings)), models)


@dataclass(frozen=True, slots=True)
class _Made:
    kind: type[Provider]
    settings: BaseModel
    models: Sequence[str]


def main() -> None:
    """Be the other process."""
    asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    provider = asked.kind(asked.settings, "vendor") if isinstance(asked, _Made) else asked.provider
    sys.stdout.buffer.write(orjson.dumps(digests(provider, asked.models)))


if __name__ == "__main__":
    # Not as `__main__`: what was packed names this module.
    from proxy.testing.processes import main as other

    other()
