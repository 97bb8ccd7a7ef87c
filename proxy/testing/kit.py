"""The list of all rules, and how they are held against a provider."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from proxy.provider.contract import Provider
from proxy.responses.errors import ResponsesError
from proxy.testing.answers import as_expected, counted, legal, same_plain
from proxy.testing.cutting import fails_when_cut, same_in_pieces
from proxy.testing.damage import damaged, endless
from proxy.testing.encoding import deterministic, goes_on, no_io, standard
from proxy.testing.errors import any_error, no_secrets, recorded_error, unreadable, waits
from proxy.testing.exchange import Exchange
from proxy.testing.problem import Check, Problem
from proxy.testing.processes import can_be_sent, same_elsewhere
from proxy.testing.purity import no_io_in_reading
from proxy.testing.vanishing import against_capabilities, parameters, strict, whole_elements

OfExchange: TypeAlias = Callable[[Provider, Exchange], Iterable[Problem]]
OfModel: TypeAlias = Callable[[Provider, str], Iterable[Problem]]
OfElements: TypeAlias = Callable[[Provider, str, frozenset[str]], Iterable[Problem]]
OfProvider: TypeAlias = Callable[[Provider], Iterable[Problem]]

MOST_TOLD: Final = 20
"""How many problems one check tells at most."""

ANSWER_RULES: Final[tuple[tuple[str, OfExchange], ...]] = (
    ("grammar", legal),
    ("plain as streamed", same_plain),
    ("as expected", as_expected),
    ("usage", counted),
    ("pieces", same_in_pieces),
    ("cut", fails_when_cut),
    ("damaged answers", damaged),
    ("no I/O", no_io_in_reading),
    ("next turn", goes_on),
)
"""What holds for every answer with a status below 400."""

STREAM_RULES: Final[tuple[tuple[str, OfExchange], ...]] = (("endless answers", endless),)
"""What holds for streams besides."""

ERROR_RULES: Final[tuple[tuple[str, OfExchange], ...]] = (
    ("error", recorded_error),
    ("as expected", as_expected),
    ("no I/O", no_io_in_reading),
)
"""What holds for every error answer."""

PROVIDER_RULES: Final[tuple[tuple[str, OfProvider], ...]] = (
    ("any error", any_error),
    ("retry-after", waits),
    ("secrets", no_secrets),
)
"""What holds without any exchange."""


MODEL_RULES: Final[tuple[tuple[str, OfModel], ...]] = (
    ("standard requests", standard),
    ("determinism", deterministic),
    ("no I/O", no_io),
)
"""What holds for every model."""

ELEMENT_RULES: Final[tuple[tuple[str, OfElements], ...]] = (
    ("no parameter vanishes", parameters),
    ("no tool, item or part vanishes", whole_elements),
    ("capabilities", against_capabilities),
    ("strict", strict),
)
"""What holds for every element of a request, for every model."""


def checks(
    provider: Provider, exchanges: Sequence[Exchange], *, models: Sequence[str] = (), anyhow: Collection[str] = ()
) -> list[Check]:
    """Every check that the exchanges allow, and those of the standard requests, which are made for each model of the
    exchanges and of `models`. Nothing is run yet.

    `anyhow` names elements of requests that ask for what the vendor does without being told, so that its request is the
    same with and without them: `reasoning.effort=none`, `tool function: strict`.
    """
    found = [_check(rule, "any request", partial(find, provider)) for rule, find in PROVIDER_RULES]
    forms = set[bool]()
    for exchange in exchanges:
        rules = ERROR_RULES if exchange.status_code >= 400 else ANSWER_RULES
        if exchange.status_code < 400:
            rules = (*rules, *(STREAM_RULES if exchange.stream else ()))
            if exchange.stream not in forms:
                forms.add(exchange.stream)
                rules = (*rules, ("unreadable answers", unreadable))
        found += [_check(rule, exchange.id, partial(find, provider, exchange)) for rule, find in rules]
    known = list(dict.fromkeys([*(exchange.model for exchange in exchanges), *models]))
    exceptions = frozenset(anyhow)
    for model in known:
        found += [_check(rule, f"model {model}", partial(find, provider, model)) for rule, find in MODEL_RULES]
        found += [
            _check(rule, f"model {model}", partial(find, provider, model, exceptions)) for rule, find in ELEMENT_RULES
        ]
    if known and can_be_sent(provider):
        found.append(_check("processes", "all models", partial(same_elsewhere, provider, known)))
    return found


def problems(
    provider: Provider, exchanges: Sequence[Exchange], *, models: Sequence[str] = (), anyhow: Collection[str] = ()
) -> list[Problem]:
    """Run all the checks: what the provider breaks."""
    found = checks(provider, exchanges, models=models, anyhow=anyhow)
    return [problem for check in found for problem in check.run()]


def conforms(
    provider: Provider, exchanges: Sequence[Exchange], *, models: Sequence[str] = (), anyhow: Collection[str] = ()
) -> None:
    """Run all the checks. Raises AssertionError with a line for each problem."""
    found = problems(provider, exchanges, models=models, anyhow=anyhow)
    if found:
        raise AssertionError("\n".join(map(str, found)))


def _check(rule: str, subject: str, find: Callable[[], Iterable[Problem]]) -> Check:
    return Check(rule, subject, partial(_found, rule, subject, find))


def _found(rule: str, subject: str, find: Callable[[], Iterable[Problem]]) -> list[Problem]:
    found: list[Problem] = []
    try:
        found += islice(find(), MOST_TOLD)
    except ResponsesError as refusal:
        told = f"{refusal.status} {refusal.message!r:.300} (param {refusal.param})"
        found.append(Problem(rule, subject, "a request that can be sent", told))
    except Exception as error:
        found.append(Problem(rule, subject, "no exception", f"{type(error).__name__}: {error!s:.300}"))
    return found
