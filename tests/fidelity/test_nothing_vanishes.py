"""Every tool, item, content part and tool choice, with each of their members: what the vendor is sent differs by it, or
it is declared, or refused by name. The elements are found by a walk over the types of a request."""

import json
from collections import defaultdict

import pytest

from proxy.testing.vanishing import MARKS, OF_NO_CONSEQUENCE, ROOTS, SAID_ANYHOW, relates, settings_of
from proxy.testing.walk.elements import Element, elements
from tests.corpus.targets import DESTINATIONS, MORE_DESTINATIONS, Declined, Destination, translate

ELEMENTS = list(elements())


NOT_THINKING_ANYHOW = frozenset({"claude-haiku-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-8"})
"""Models that do not think unless they are told to."""


def says_anything(element: Element, destination: Destination) -> bool:
    """Whether the element asks for anything that is not so anyhow."""
    if element.member.endswith("strict") and destination.vendor == "gemini":
        # Gemini holds to every schema, unless a tool says that it need not.
        return False
    kind = f"{element.group} {element.type}"
    if element.member == "reasoning.effort" and '"none"' in json.dumps(element.request):
        return destination.model not in NOT_THINKING_ANYHOW
    text = json.dumps(element.request)
    return not any(
        (kind, element.member) == (known, member) and f'"{value}"' in text.replace("{}", '"{}"')
        for known, member, value in SAID_ANYHOW
    )


def by_type() -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = defaultdict(list)
    for element in ELEMENTS:
        found[f"{element.group} {element.type}"].append(element)
    return found


GROUPS = by_type()


def lost(element: Element, destination: Destination) -> str | None:
    """How the element vanished; None if it did not."""
    found = translate(element.request, destination)
    if isinstance(found, Declined):
        if found.status not in (400, 404):
            return f"{found.status} {found.message}"
        return (
            None
            if (found.param or "").startswith((*ROOTS[element.group], *settings_of(element)))
            else f"refused without a name: {found}"
        )
    base = translate(element.base, destination)
    if isinstance(base, Declined):
        return None if any(mark in found.call.body.decode() for mark in MARKS) else f"refused without it: {base}"
    if (found.call.body, found.call.headers) != (base.call.body, base.call.headers):
        return None
    if any(relates(conversion.path, element) for conversion in found.conversions):
        return None
    return "it is neither in the body nor declared"


@pytest.mark.parametrize("group", GROUPS)
def test_no_element_vanishes(group: str) -> None:
    vanished: dict[str, list[str]] = defaultdict(list)
    for element in GROUPS[group]:
        if element.whole or element.member.rpartition(".")[2] not in OF_NO_CONSEQUENCE:
            for destination in (*DESTINATIONS, *MORE_DESTINATIONS):
                if says_anything(element, destination) and (how := lost(element, destination)) is not None:
                    vanished[f"{element.name}: {how}"].append(destination.id)
    assert not vanished, "\n".join(f"{how}; {len(who)} targets: {who[:3]}" for how, who in vanished.items())


def test_the_walk_finds_what_there_is() -> None:
    names = {element.name for element in ELEMENTS}
    assert len(names) > 300
    assert {"tool custom: format", "item message: phase", "tool mcp: authorization"} <= names
