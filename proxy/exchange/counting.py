"""How many tokens a request's input has: by the vendor's own counter where there is one, else by an estimate."""

import asyncio
import hashlib
from dataclasses import dataclass, replace

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.gateway import Gateway
from proxy.provider.contract import Call, Prepared
from proxy.provider.errors import ProviderError
from proxy.responses.usage import UsageSource

COUNTER_SECONDS = 10.0
"""How long a vendor's counter may take: its number is better than an estimate, but not worth a long wait."""

REMEMBERED_COUNTS = 1024
"""How many of its counter's answers an endpoint keeps."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of tokens, and who counted."""

    tokens: int
    source: UsageSource


async def count_input(gateway: Gateway, target: Target, prepared: Prepared) -> Counted:
    """The tokens of a request's input. Whatever goes wrong with the vendor's counter, there is an estimate.

    Raises RefusedError for what cannot be carried to the target.
    """
    tokens = await ask_counter(gateway, target, prepared)
    if tokens is not None:
        return Counted(tokens, "provider")
    return Counted(await gateway.estimator.estimate_input(prepared), "estimated")


async def ask_counter(gateway: Gateway, target: Target, prepared: Prepared) -> int | None:
    """The tokens of a request's input as the vendor counts them; None where it has no counter or gives no number.
    Equal requests are counted once. Raises RefusedError as `count_input` does; notes no conversions."""
    endpoint = target.endpoint
    call = endpoint.provider.encode_count(replace(prepared, conversions=[]))
    if call is None:
        return None
    key = hashlib.sha256(b"%b\0%b" % (call.path.encode(), call.body)).digest()
    known = endpoint.counts
    tokens = known.pop(key, None)
    if tokens is None:
        tokens = await _count(gateway, endpoint, call)
    if tokens is not None:
        # Put behind all others: what is asked for again goes last.
        known[key] = tokens
        if len(known) > REMEMBERED_COUNTS:
            known.popitem(last=False)
    return tokens


async def _count(gateway: Gateway, endpoint: Endpoint, call: Call) -> int | None:
    try:
        async with asyncio.timeout(COUNTER_SECONDS):
            headers = await endpoint.provider.authorize(call, endpoint.http)
            answer = await gateway.upstream.send(
                endpoint.provider.base_url, call, headers, endpoint.timeouts, trust=endpoint.trust
            )
            try:
                if answer.status != 200:
                    return None
                return endpoint.provider.decode_count(await answer.read())
            finally:
                answer.abort()
    except (ProviderError, TimeoutError, ValueError):
        return None
