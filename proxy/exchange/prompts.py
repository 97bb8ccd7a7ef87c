"""Prompt templates: what the operator wrote under `prompts`, and what a request that names one becomes.

What the request itself sets wins. The template's input stands before the request's. `{{name}}` in the template's texts
is replaced by a variable of the request, once: what a variable holds is text and no template.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from config.errors import ConfigurationError, Problem, path_text
from config.naming import Names
from config.settings import PromptEntry, Settings
from proxy.responses import errors
from proxy.responses.content_parts import MAX_TEXT_LENGTH
from proxy.responses.errors import ResponsesError
from proxy.responses.items import InputItem
from proxy.responses.request import CreateRequest, Prompt, parse_create

Variables: TypeAlias = Mapping[str, str | Mapping[str, object]]
"""What a request puts into a template: texts, and content parts."""

VARIABLES: Final = "prompt.variables"

NOT_OF_TEMPLATES: Final = frozenset(
    {
        "background",
        "background_options",
        "conversation",
        "previous_response_id",
        "prompt",
        "store",
        "stream",
        "stream_options",
    }
)
"""Parameters that only a request can set."""

_ITEMS_OF_REQUESTS = frozenset({"compaction", "compaction_trigger", "item_reference"})
"""Items that mean something only to the client that sends them."""

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_STRUCTURE = frozenset({"type", "role", "id", "call_id", "status", "name", "namespace"})
"""Members of items that are no text."""


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a prompt. `settings` are its parameters besides model, instructions and input; `variables` are the
    names that it has a place for."""

    model: str | None = None
    instructions: str | None = None
    input: Sequence[InputItem] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VersionedPrompt:
    """A prompt's versions by name, and which one is used when a request names none."""

    versions: Mapping[str, Template]
    default: str


class Prompts:
    """The configured prompts, by id."""

    __slots__ = ("_prompts",)

    def __init__(self, prompts: Mapping[str, VersionedPrompt] | None = None) -> None:
        self._prompts = prompts or {}

    def template(self, prompt: Prompt) -> Template:
        """The template that is meant. Raises ResponsesError (404) for one that does not exist."""
        known = self._prompts.get(prompt["id"])
        version = prompt.get("version")
        template = known.versions.get(known.default if version is None else version) if known is not None else None
        if template is None:
            raise errors.prompt_not_found(prompt["id"], version if known is not None else None)
        return template

    def complete(self, body: dict[str, Any]) -> None:
        """Put in what a request body may leave to its prompt although it is required: model and input.

        Raises ResponsesError (404) when the model is left to a prompt that does not exist.
        """
        prompt = body.get("prompt")
        if not isinstance(prompt, dict):
            return
        body.setdefault("input", [])
        named = isinstance(prompt.get("id"), str) and isinstance(prompt.get("version"), str | None)
        if "model" not in body and named and (model := self.template(cast(Prompt, prompt)).model) is not None:
            body["model"] = model

    def fill(self, request: CreateRequest) -> None:
        """Fill the request in from the prompt that it names, if it names one.

        Raises ResponsesError: 404 for a prompt that does not exist, 400 for variables that are missing, unknown, or
        parts where only text can stand.
        """
        prompt = request.prompt
        if prompt is None:
            return
        template = self.template(prompt)
        variables = cast(Variables, prompt.get("variables") or {})
        _check_known(template, prompt["id"], variables)
        given = {name: value for name, value in template.settings.items() if name not in request.given}
        if template.instructions is not None and request.instructions is None:
            given["instructions"] = _text(template.instructions, variables)
        for name, value in given.items():
            setattr(request, name, value)
        request.given |= given.keys()
        if template.input:
            request.input = [*cast("list[InputItem]", _filled(list(template.input), variables)), *request.input]


# --- variables --------------------------------------------------------------------------------------------------------


def _check_known(template: Template, prompt_id: str, variables: Variables) -> None:
    for name in variables:
        if name not in template.variables:
            names = errors.enumeration(sorted(template.variables), "and")
            has = f"has {names}" if names else "has none"
            raise errors.malformed_value(
                VARIABLES, f"unknown variable {errors.quoted(name)}; prompt {errors.quoted(prompt_id)} {has}"
            )


def _filled(value: object, variables: Variables) -> object:
    """A piece of a template's input with the variables put in."""
    match value:
        case str():
            return _text(value, variables)
        case list():
            return [_filled(element, variables) for element in value]
        case {"type": "input_text", "text": str(text)} if (name := _PLACEHOLDER.fullmatch(text)) is not None:
            part = variables.get(name[1])
            if isinstance(part, Mapping):
                return dict(part)
            return {**cast("dict[str, object]", value), "text": _text(text, variables)}
        case dict():
            return {
                member: part if member in _STRUCTURE else _filled(part, variables) for member, part in value.items()
            }
    return value


def _text(text: str, variables: Variables) -> str:
    # texts and names by turns
    pieces = _PLACEHOLDER.split(text)
    if len(pieces) == 1:
        return text
    pieces[1::2] = [_value(name, variables) for name in pieces[1::2]]
    length = sum(map(len, pieces))
    if length > MAX_TEXT_LENGTH:
        raise errors.string_too_long(VARIABLES, MAX_TEXT_LENGTH, length)
    return "".join(pieces)


def _value(name: str, variables: Variables) -> str:
    value = variables.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        raise errors.malformed_value(VARIABLES, f"the prompt needs a value for {errors.quoted(name)}")
    if value["type"] == "input_text":
        return cast(str, value["text"])
    raise errors.malformed_value(
        VARIABLES, f"{errors.quoted(name)} stands within a text, where no part of type '{value['type']}' can stand"
    )


def _texts(value: object) -> Iterator[str]:
    """The texts of a piece of a template."""
    match value:
        case str():
            yield value
        case list():
            for element in value:
                yield from _texts(element)
        case dict():
            for member, part in value.items():
                if member not in _STRUCTURE:
                    yield from _texts(part)


# --- the configuration ------------------------------------------------------------------------------------------------


def read_prompts(settings: Settings) -> Prompts:
    """The prompts of the configuration. Raises ConfigurationError with everything that is wrong with them."""
    problems: list[Problem] = []
    prompts = {name: _versioned(name, entry, settings, problems) for name, entry in settings.prompts.items()}
    if problems:
        raise ConfigurationError(problems)
    return Prompts(prompts)


def _versioned(name: str, entry: PromptEntry, settings: Settings, problems: list[Problem]) -> VersionedPrompt:
    versions: dict[str, Template] = {}
    for version, written in entry.versions.items():
        path = path_text(("prompts", name, *entry.location(version)))
        try:
            versions[version] = _template(written, settings)
        except ResponsesError as error:
            place = f"{path}.{error.param}" if error.param else path
            file = settings.source.file or "environment"
            problems.append(Problem(file, place, error.message.rstrip(".")))
    return VersionedPrompt(versions, entry.default_version)


def _template(written: Mapping[str, object], settings: Settings) -> Template:
    """A version as it was written, checked like a request. Raises ResponsesError."""
    parameters: dict[str, object] = {name: value for name, value in written.items() if value is not None}
    for name in parameters:
        if name in NOT_OF_TEMPLATES:
            raise ResponsesError(400, "belongs to a request, not to a prompt", param=name)
    body = {"model": "any", "input": [], **parameters}
    body["input"] = _with_parts(body["input"])
    parsed = parse_create(body)
    for index, item in enumerate(parsed.input):
        if item["type"] in _ITEMS_OF_REQUESTS:
            raise ResponsesError(400, f"an item of type '{item['type']}' belongs to a request", param=f"input[{index}]")
    model = parsed.model if "model" in parameters else None
    if model is not None and not Names(settings).resolve(model):
        raise errors.model_not_found(model)
    return Template(
        model=model,
        instructions=parsed.instructions,
        input=parsed.input,
        settings={name: getattr(parsed, name) for name in parameters if name not in ("model", "instructions", "input")},
        variables=frozenset(
            name for text in _texts([parsed.instructions, parsed.input]) for name in _PLACEHOLDER.findall(text)
        ),
    )


def _with_parts(items: object) -> object:
    """The input as a request would have it: a part that is written as a placeholder alone is a text."""
    if not isinstance(items, list):
        return items
    return [
        {**item, "content": [_as_part(part) for part in item["content"]]}
        if isinstance(item, dict) and isinstance(item.get("content"), list)
        else item
        for item in items
    ]


def _as_part(part: object) -> object:
    if isinstance(part, str) and _PLACEHOLDER.fullmatch(part):
        return {"type": "input_text", "text": part}
    return part
