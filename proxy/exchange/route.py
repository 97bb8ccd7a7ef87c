"""Which targets a request may go to, and in which order they are tried."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

from proxy.exchange.endpoint import Target
from proxy.provider.capabilities import Capabilities
from proxy.responses.request import CreateRequest
from proxy.state.records import Place

_NEEDS: Final = {"input_image": "images", "input_file": "files", "input_audio": "audio"}
"""What a content part asks of a model."""

CHARACTERS_PER_TOKEN: Final = 8
"""A text surely has this many characters for each token at most: a history is too long for a window only beyond it."""


class Candidate(NamedTuple):
    """A target of a name. `weight` is None where targets are only in order of preference."""

    target: Target
    weight: float | None = None


def in_order(candidates: Sequence[Candidate], key: str | None) -> list[Target]:
    """The targets in the order in which they are tried. Weighted ones are drawn; equal keys draw alike, so that
    what a vendor has cached is found again, also when a target is added or taken away."""
    if len(candidates) == 1 or candidates[0].weight is None:
        return [candidate.target for candidate in candidates]
    return [candidate.target for candidate in sorted(candidates, key=lambda candidate: _rank(candidate, key))]


def sticky_key(request: CreateRequest, after: Place | None, response_id: str) -> str:
    """What the requests of one conversation have in common: what its client says, else the chain that they are kept
    in, which has the name of its first response."""
    return request.prompt_cache_key or (after.chain if after is not None else response_id)


def _rank(candidate: Candidate, key: str | None) -> float:
    """Weighted rendezvous hashing: the smallest rank falls on a target in proportion to its weight."""
    if not candidate.weight:
        return math.inf
    if key is None:
        drawn = random.random()  # noqa: S311 - a choice, no secret
    else:
        name = f"{candidate.target.endpoint.name}/{candidate.target.model}\n{key}"
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        drawn = int.from_bytes(digest) / 2**64
    return -math.log(drawn or 2**-64) / candidate.weight


def able(targets: Sequence[Target], request: CreateRequest) -> list[Target]:
    """The targets that can serve a request whose input is complete; all of them where none can, or there is no choice:
    then the first says what is wrong."""
    if len(targets) < 2:
        return list(targets)
    needs = _needs(request)
    size = 0
    if request.truncation != "auto":
        size = sum(_length(item) for item in cast("Sequence[Mapping[str, object]]", request.input))
    found = [target for target in targets if _serves(target.endpoint.capabilities(target.model), needs, size)]
    return found or list(targets)


def _serves(capabilities: Capabilities, needs: set[str], size: int) -> bool:
    window = capabilities.context_window
    if window is not None and size > window * CHARACTERS_PER_TOKEN:
        return False
    return all(getattr(capabilities, need) for need in needs)


def _needs(request: CreateRequest) -> set[str]:
    """The capabilities that a request needs, by their names."""
    needs: set[str] = set()
    if any(tool.get("type") in ("function", "custom", "namespace") for tool in _mappings(request.tools)):
        needs.add("tools")
    for item in _mappings(request.input):
        for part in (*_mappings(item.get("content")), *_mappings(item.get("output"))):
            need = _NEEDS.get(str(part.get("type")))
            if need is not None:
                needs.add(need)
    return needs


def _mappings(value: object) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", value) if isinstance(value, list) else ()


def _length(item: Mapping[str, object]) -> int:
    """How many characters of text an item has; what stands for other media does not count."""
    length = 0
    for member in ("content", "output", "arguments", "input"):
        value = item.get(member)
        if isinstance(value, str):
            length += len(value)
        for part in _mappings(value):
            text = part.get("text")
            if isinstance(text, str):
                length += len(text)
    return length
