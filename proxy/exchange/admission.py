"""Whether a client may still spend and ask for what a request takes: found out, and claimed, before its vendor is
called."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.exchange.endpoint import Target
from proxy.exchange.gateway import Client, Gateway
from proxy.provider.contract import Prepared
from proxy.responses.errors import ResponsesError, quoted, shortened
from proxy.responses.usage import TokenCount
from proxy.state.records import Charge, Claim, Grant
from proxy.state.store import StoreUnavailableError
from proxy.usage.estimate import rough_tokens
from proxy.usage.ledger import Ledger
from proxy.usage.limits import Limits, charges, claims, kind_of, period_of, returned, window
from proxy.usage.prices import PER_USD, dollars

_RATE_NAMES: Final = {"requests": "requests per min (RPM)", "tokens": "tokens per min (TPM)"}
_SHOWN: Final = PER_USD // 10**6
"""What is left of a budget is told to this, in USD * 10**12."""

_PERIODS: Final = {"day": "per day", "month": "per month", "total": "in total"}


@dataclass(frozen=True, slots=True)
class Admission:
    """What was claimed for a request that may go on. `left`: for each claim what is left of its meter."""

    id: str
    ledger: Ledger
    claims: Sequence[Claim]
    left: Sequence[int]

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers of the answer, for the limits that the client has."""
        return rate_headers(self.claims, self.left)

    def charges(self, total_tokens: int, cost: int | None) -> Sequence[Charge]:
        """What settles the claims of a request that took so many tokens and cost so much, in USD * 10**12 (None: nobody
        knows)."""
        return charges(self.claims, total_tokens, cost)

    async def release(self) -> None:
        """Give back what was claimed, for a request that is not made. Nothing is raised: while the store is down this
        is left for later."""
        await self.ledger.release(self.id, returned(self.claims))


async def admit(
    gateway: Gateway, client: Client, target: Target, prepared: Prepared, request_id: str, now: float
) -> Admission | None:
    """Claim what a request may take of its client's budgets and limits; None for a client that has none.

    Raises ResponsesError (429) for what does not fit, and StoreUnavailableError while nobody knows what was spent.
    """
    limits = client.limits
    if limits is None:
        return None
    asked = _output_asked(prepared)
    input_tokens, amount = 0, None
    if limits.budgets or limits.tokens_per_minute is not None:
        input_tokens = rough_tokens(prepared)
    if limits.budgets:
        amount = _amount(gateway, limits, target, prepared, input_tokens, asked, now)
        if amount is None and gateway.refuse_unpriced:
            gateway.metrics.count_limited(client.name, "unpriced")
            raise _unpriced(prepared)
    claimed = claims(
        limits,
        client.name,
        now,
        input_tokens=input_tokens,
        output_tokens=asked,
        amount=amount,
        stream=prepared.stream,
    )
    try:
        found = await gateway.ledger.reserve(request_id, claimed, now)
    except StoreUnavailableError:
        gateway.store_failed()
        raise
    if isinstance(found, Grant):
        return Admission(request_id, gateway.ledger, claimed, found.left)
    claim = claimed[found.claim]
    kind = kind_of(claim)
    gateway.metrics.count_limited(client.name, kind)
    known = [
        found.left if index == found.claim else gateway.ledger.left(each, now) for index, each in enumerate(claimed)
    ]
    headers = rate_headers(claimed, known)
    match kind:
        case "budget":
            raise _over_budget(claim, found.left, now, headers)
        case "streams":
            raise _too_many_streams(claim, found.left, prepared, headers)
        case _:
            raise _too_fast(kind, claim, found.left, found.wait, prepared, headers)


def rate_headers(claimed: Sequence[Claim], left: Sequence[int | None]) -> dict[str, str]:
    """The `x-ratelimit-*` headers for the limits a minute among claims; what is left of one may be unknown."""
    headers: dict[str, str] = {}
    for claim, rest in zip(claimed, left, strict=True):
        if claim.kind != "rate":
            continue
        kind = kind_of(claim)
        headers[f"x-ratelimit-limit-{kind}"] = str(claim.limit)
        if rest is not None:
            headers[f"x-ratelimit-remaining-{kind}"] = str(max(0, rest))
            headers[f"x-ratelimit-reset-{kind}"] = duration((claim.limit - rest) * 60.0 / claim.limit)
    return headers


def duration(seconds: float) -> str:
    """A time as OpenAI's headers write it, rounded up to milliseconds: 6ms, 1.5s, 2m30s, 1h0m0s."""
    milliseconds = max(0, math.ceil(seconds * 1e3 - 1e-3))
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    tail = f"{rest // 1000}" + (f".{rest % 1000:03}".rstrip("0") if rest % 1000 else "") + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def _output_asked(prepared: Prepared) -> int | None:
    """How many tokens the answer may have at most; None where the client does not say."""
    asked, ceiling = prepared.request.max_output_tokens, prepared.capabilities.max_output_tokens
    if asked is None or ceiling is None:
        return asked
    return min(asked, ceiling)


def _amount(
    gateway: Gateway,
    limits: Limits,
    target: Target,
    prepared: Prepared,
    input_tokens: int,
    asked: int | None,
    now: float,
) -> int | None:
    """What the request may cost, in USD * 10**12; None where its model has no price."""
    price = gateway.prices.price(target.endpoint.name, target.model, prepared.request.service_tier, now)
    if price is None:
        return None
    output_tokens = asked
    if output_tokens is None:
        output_tokens = limits.default_output_tokens
        ceiling = prepared.capabilities.max_output_tokens
        if ceiling is not None:
            output_tokens = min(output_tokens, ceiling)
    return price.cost(TokenCount(input_tokens, 0, 0, 0, output_tokens, 0))


# --- refusals ---------------------------------------------------------------------------------------------------------


def _over_budget(claim: Claim, left: int, now: float, headers: Mapping[str, str]) -> ResponsesError:
    per = period_of(claim)
    answer = {**headers, "x-should-retry": "false"}
    end = window(per, now).end
    if end is not None:
        answer["retry-after"] = _whole_seconds(end - now)
    shown = left // _SHOWN * _SHOWN
    rest = f"what is left of it ({dollars(shown)} USD) is less than" if shown > 0 else "nothing is left of it for"
    return ResponsesError(
        429,
        f"You exceeded your current quota: the budget is {dollars(claim.limit)} USD {_PERIODS[per]}, and {rest} what "
        "this request may cost.",
        type="insufficient_quota",
        code="insufficient_quota",
        headers=answer,
    )


def _unpriced(prepared: Prepared) -> ResponsesError:
    return ResponsesError(
        429,
        f"The model {quoted(prepared.request.model)} has no price here: clients with a budget cannot use it.",
        type="insufficient_quota",
        param="model",
        code="insufficient_quota",
        headers={"x-should-retry": "false"},
    )


def _too_fast(
    kind: str, claim: Claim, left: int, wait: float | None, prepared: Prepared, headers: Mapping[str, str]
) -> ResponsesError:
    model, name = shortened(prepared.request.model), _RATE_NAMES[kind]
    if wait is None:
        message = (
            f"Request too large for {model} on {name}: Limit {claim.limit}, Requested {claim.amount}. The input or "
            "output tokens must be reduced in order to run successfully."
        )
        answer = {**headers, "x-should-retry": "false"}
    else:
        message = (
            f"Rate limit reached for {model} on {name}: Limit {claim.limit}, Used {claim.limit - left}, "
            f"Requested {claim.amount}. Please try again in {duration(wait)}."
        )
        answer = {**headers, "retry-after": _whole_seconds(wait)}
    return ResponsesError(429, message, type=kind, code="rate_limit_exceeded", headers=answer)


def _too_many_streams(claim: Claim, left: int, prepared: Prepared, headers: Mapping[str, str]) -> ResponsesError:
    return ResponsesError(
        429,
        f"Rate limit reached for {shortened(prepared.request.model)} on concurrent streams: Limit {claim.limit}, "
        f"Used {claim.limit - left}, Requested {claim.amount}. Please try again when one of them has ended.",
        type="requests",
        code="rate_limit_exceeded",
        headers={**headers, "retry-after": "1"},
    )


def _whole_seconds(seconds: float) -> str:
    return str(max(1, math.ceil(seconds)))
