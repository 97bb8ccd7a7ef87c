"""docs/conversions.md: what becomes of every element of a request, made by translating each of them with the code.

`python -m tests.docs` writes it. The elements are those that `tests/fidelity` holds to: none vanishes.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from proxy.provider.conversions import Conversion
from proxy.testing.vanishing import OF_NO_CONSEQUENCE, relates
from proxy.testing.walk.elements import Element, elements
from proxy.testing.walk.parameters import MINIMAL, OF_THE_CORE, PARAMETER_VALUES
from tests.corpus.targets import Declined, Destination, Translated, translate
from tests.docs.markdown import ROOT

DOCUMENT: Final = ROOT / "docs/conversions.md"

COLUMNS: Final[Mapping[str, Destination]] = {
    "OpenAI (Chat Completions)": Destination("openai_chat", "gpt-5.6-sol", "openai"),
    "other Chat servers": Destination("openai_chat", "qwen3", "generic"),
    "Anthropic": Destination("anthropic", "claude-opus-5"),
    "Gemini": Destination("gemini", "gemini-3.5-flash"),
    "Bedrock": Destination("bedrock", "us.anthropic.claude-opus-4-8"),
    "Mistral": Destination("mistral", "mistral-medium-latest"),
    "Ollama": Destination("ollama", "qwen3.5"),
    "OpenAI (Responses)": Destination("responses", "gpt-5.6-sol", "openai"),
    "other Responses servers": Destination("responses", "qwen3", "generic"),
}

HEAD: Final = """\
# What becomes of every element of a request

Made by `make docs`, by translating each element with the code itself; a test holds this page to it. The columns are
{models}.
Other models and servers differ where [their data](providers.md) says so; `dragoman translate` tells it for any model
([fidelity](fidelity.md)).

*exact*: arrives as it is, in the vendor's own form, or is acted upon by the gateway. *approximated*: carried in another
form. *ignored*: left out, and the answer does not depend on it. *dropped*: left out, and said so. *refused*: a 400.
Where values of one member fare differently, each outcome is named.
"""

TITLES: Final[Mapping[str, str]] = {
    "tool": "Tools",
    "tool_choice": "`tool_choice`",
    "item": "Items of the input",
    "part": "Content parts of messages",
    "assistant's part": "Content parts of the assistant's messages",
    "result's part": "Content parts of tool outputs",
}

Outcome = tuple[str, str]
"""A disposition, and why."""


def generated() -> str:
    """The whole document."""
    models = ", ".join(f"`{destination.id}`" for destination in COLUMNS.values())
    return "\n".join((HEAD.format(models=models), *_parameters(), *_elements())) + "\n"


def _parameters() -> Iterator[str]:
    yield from _head("Parameters")
    rows: dict[str, list[dict[str, object]]] = {}
    for path, values in PARAMETER_VALUES:
        if path not in ("input", "tools", "model"):
            rows.setdefault(path, []).append(values)
    for path, tried in rows.items():
        yield _row(path, [[_parameter(path, values, column) for values in tried] for column in COLUMNS.values()])
    yield ""


def _parameter(path: str, values: dict[str, object], destination: Destination) -> Outcome:
    if path in OF_THE_CORE:
        return "exact", OF_THE_CORE[path]
    base, found = translate(MINIMAL, destination), translate(MINIMAL | values, destination)
    assert isinstance(base, Translated)
    if isinstance(found, Declined):
        missing = path in ("conversation", "previous_response_id", "prompt")
        return ("exact", "acted upon by the gateway") if missing else ("refused", "")
    roots = (path.replace("generate_summary", "summary"), path.partition(".")[0])
    new = [one for one in found.conversions if one not in base.conversions]
    return _outcome([one for one in new if one.path.startswith(roots[0]) or one.path in roots])


def _elements() -> Iterator[str]:
    rows: dict[str, dict[str, list[Element]]] = {}
    for element in elements():
        if element.whole or element.member.rpartition(".")[2] not in OF_NO_CONSEQUENCE:
            member = ".".join(part for part in element.member.split(".") if not part.isdigit())
            name = f"{element.type}: {member}" if member else element.type
            rows.setdefault(element.group, {}).setdefault(name, []).append(element)
    for group, names in rows.items():
        yield from _head(TITLES[group])
        for name, tried in names.items():
            yield _row(name, [[_element(element, column) for element in tried] for column in COLUMNS.values()])
        yield ""
    yield "Not in the tables, because nothing depends on them:\n"
    yield from (f"* `{member}`: {reason}" for member, reason in OF_NO_CONSEQUENCE.items())


def _element(element: Element, destination: Destination) -> Outcome:
    found = translate(element.request, destination)
    if isinstance(found, Declined):
        return ("exact", "acted upon by the gateway") if found.status == 404 else ("refused", "")
    return _outcome([one for one in found.conversions if relates(one.path, element)])


def _outcome(conversions: list[Conversion]) -> Outcome:
    """The gravest of them."""
    for disposition in ("dropped", "approximated", "ignored"):
        for conversion in conversions:
            if conversion.disposition == disposition:
                return disposition, conversion.reason
    return "exact", ""


def _head(title: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| element | {' | '.join(COLUMNS)} |"
    yield f"|---{'|---' * len(COLUMNS)}|"


def _row(name: str, cells: list[list[Outcome]]) -> str:
    return f"| `{name}` | {' | '.join(map(_cell, cells))} |"


def _cell(outcomes: list[Outcome]) -> str:
    reasons: dict[str, list[str]] = {}
    for disposition, reason in outcomes:
        known = reasons.setdefault(disposition, [])
        if reason and reason not in known:
            known.append(reason)
    return "; ".join(
        f"{disposition}: {'; '.join(known[:2])}" if known else disposition for disposition, known in reasons.items()
    ).replace("|", "\\|")
