"""What a vendor's own SDK says a request body may be, read strictly.

The SDKs describe requests as TypedDicts, which pydantic would check leniently: it reads an `Iterable` lazily and lets
unknown keys pass. So their types are built anew: iterables as lists, no extra keys, nothing coerced.
"""

import json
import types
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from os import PathLike
from typing import (
    IO,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_message_create_params
from google.genai import types as gemini
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict, is_typeddict

Body: TypeAlias = Mapping[str, Any]

_LISTS = (Iterable, Sequence, list)
_FILES = (IO, PathLike)


class Strict:
    """Builds strict types; each TypedDict once."""

    def __init__(self) -> None:
        self._built: dict[Any, Any] = {}

    def type_of(self, hint: Any) -> Any:
        """The strict form of a type hint."""
        if is_typeddict(hint):
            return self._typed_dict(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if hint is object or hint in _FILES or origin in _FILES:
            return Any
        if origin is None or origin is Literal:
            return hint
        if origin in (Annotated, Required, NotRequired):
            return self.type_of(arguments[0])
        if any(origin is kind or origin is getattr(kind, "__origin__", None) for kind in _LISTS):
            return list[self.type_of(arguments[0])]  # type: ignore[misc] # a type made at run time
        if origin in (Union, types.UnionType):
            return Union[tuple(self.type_of(argument) for argument in arguments)]  # noqa: UP007 - made at run time
        return origin[tuple(self.type_of(argument) for argument in arguments)]

    def _typed_dict(self, original: Any) -> Any:
        if original not in self._built:
            # A type that contains itself is not checked below its first level.
            self._built[original] = dict[str, Any]
            hints = get_type_hints(original, include_extras=True)
            members = {
                name: (Required if _is_required(name, hint, original) else NotRequired)[self.type_of(hint)]
                for name, hint in hints.items()
            }
            strict = TypedDict(original.__name__, members)  # type: ignore[misc] # a type made at run time
            setattr(strict, "__pydantic_config__", ConfigDict(extra="forbid"))  # noqa: B010 - not known to the type
            self._built[original] = strict
        return self._built[original]


def _is_required(name: str, hint: Any, holder: Any) -> bool:
    # The SDKs write their hints as text, in which `Required` is not seen when the class is made.
    origin = get_origin(hint)
    return origin is Required or (origin is not NotRequired and name in holder.__required_keys__)


class GenerateContentRequest(BaseModel):
    """The body of Gemini's `generateContent`, put together from the SDK's types, which know its parts by name."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    contents: list[gemini.Content]
    system_instruction: gemini.Content | None = None
    tools: list[gemini.Tool] | None = None
    tool_config: gemini.ToolConfig | None = None
    generation_config: gemini.GenerationConfig | None = None
    safety_settings: list[gemini.SafetySetting] | None = None
    cached_content: str | None = None
    service_tier: Literal["standard", "flex", "priority"] | None = None


@cache
def _adapters(vendor: str) -> dict[bool, TypeAdapter[Any]]:
    """The types of a vendor's request, streamed and not."""
    strict = Strict()
    if vendor == "anthropic-beta":
        plain: Any = beta_message_create_params.MessageCreateParamsNonStreaming
        streamed: Any = beta_message_create_params.MessageCreateParamsStreaming
    elif vendor == "anthropic":
        plain = message_create_params.MessageCreateParamsNonStreaming
        streamed = message_create_params.MessageCreateParamsStreaming
    elif vendor == "responses":
        plain = response_create_params.ResponseCreateParamsNonStreaming
        streamed = response_create_params.ResponseCreateParamsStreaming
    else:
        plain = completion_create_params.CompletionCreateParamsNonStreaming
        streamed = completion_create_params.CompletionCreateParamsStreaming
    return {False: TypeAdapter(strict.type_of(plain)), True: TypeAdapter(strict.type_of(streamed))}


def complaints(vendor: str, body: Body) -> list[str]:
    """What is wrong with a body, by the types of the vendor's SDK (`openai`, `anthropic` or `google-genai`); empty for
    a good one."""
    try:
        if vendor == "gemini":
            GenerateContentRequest.model_validate_json(json.dumps(body), strict=True, by_alias=True, by_name=False)
        else:
            if vendor == "anthropic" and "mcp_servers" in body:
                vendor = "anthropic-beta"
            _adapters(vendor)[body.get("stream") is True].validate_python(body, strict=True)
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
    return []
