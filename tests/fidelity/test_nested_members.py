"""No member that stands inside another one hides behind it: the element is compared with itself without that member."""

import copy
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

from proxy.testing.vanishing import OF_NO_CONSEQUENCE
from proxy.testing.walk.elements import Element
from tests.corpus.targets import MORE_DESTINATIONS, Declined, Destination, translate
from tests.fidelity.test_nothing_vanishes import ELEMENTS, lost, says_anything

DESTINATIONS = (
    Destination("openai_chat", "gpt-5.6-sol", "openai"),
    Destination("openai_chat", "anthropic/claude-sonnet-5.5", "openrouter"),
    Destination("openai_chat", "qwen3", "generic"),
    Destination("anthropic", "claude-haiku-4-5"),
    Destination("anthropic", "claude-opus-5"),
    Destination("gemini", "gemini-2.5-pro"),
    Destination("gemini", "gemini-3.5-flash"),
    *MORE_DESTINATIONS,
)

USUAL = {
    ("code_interpreter", "container.memory_limit", "1g"): "the size of a container that is asked for none",
    ("code_interpreter", "container.network_policy", "{'type': 'disabled'}"): "containers have no network",
    ("configuration_update", "text.format.strict", "True"): "what becomes of the format is told of the parameter",
}
"""Values that say what is so without them: by the type, the member, and the value as Python writes it."""


def without_the_member(element: Element) -> tuple[dict[str, Any], Any]:
    """The element's request without the member, and the member's value."""
    request = copy.deepcopy(element.request)
    around, _, name = f"{element.path}.{element.member}".rpartition(".")
    parent: Any = request
    for step in re.findall(r"[^.\[\]]+", around):
        parent = parent[int(step)] if step.isdigit() else parent[step]
    return request, parent.pop(name)


def test_no_nested_member_vanishes() -> None:
    vanished: dict[str, list[str]] = defaultdict(list)
    for element in ELEMENTS:
        name = element.member.rpartition(".")[2]
        if "." not in element.member or name.isdigit() or name in OF_NO_CONSEQUENCE:
            continue
        base, value = without_the_member(element)
        if (element.type, element.member, str(value)) in USUAL:
            continue
        for destination in DESTINATIONS:
            # Without a member that it cannot be without, the element is no request.
            if not says_anything(element, destination) or isinstance(translate(base, destination), Declined):
                continue
            if (how := lost(replace(element, base=base), destination)) is not None:
                vanished[f"{element.name}: {how}"].append(destination.id)
    assert not vanished, "\n".join(f"{how}; {who}" for how, who in vanished.items())
