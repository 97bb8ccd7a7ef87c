"""Validation of JSON values by pydantic, with the errors of OpenAI.

pydantic says what is wrong and where; this module turns that into the sentence, the code and the parameter path which
OpenAI answers (measured 2026-08-30; where a case was not measured, formed after its neighbours). Values are validated
strictly: no string becomes a number, no boolean an integer; an integer counts as a decimal.

Every union is tagged, so pydantic reports only on the branch that was meant. The tags of unions with a callable
discriminator stand in angle brackets; those of unions told apart by `type` are that type. Both appear in pydantic's
locations and are taken out again by `resolve`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from proxy.responses import errors
from proxy.responses.content_parts import ASSISTANT_PARTS, INPUT_PARTS, TOOL_OUTPUT_PARTS
from proxy.responses.errors import ResponsesError, enumeration, shortened
from proxy.responses.items import ITEM_TAGS, MESSAGE_TAGS

UnknownParameters: TypeAlias = Literal["reject", "ignore"]
"""What happens to members that a type does not know: OpenAI refuses them, lenient servers drop them."""

ValidatedT = TypeVar("ValidatedT")

EXTRA: Final[Mapping[UnknownParameters, Literal["forbid", "ignore"]]] = {"reject": "forbid", "ignore": "ignore"}

INCLUDE_VALUES: Final = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)

# --- words ------------------------------------------------------------------------------------------------------------

#: What pydantic's errors of type say was expected.
EXPECTED_BY_ERROR: Final = {
    "bool_type": "a boolean",
    "dict_type": "an object",
    "float_type": "a decimal",
    "int_type": "an integer",
    "list_type": "an array",
    "model_attributes_type": "an object",
    "string_type": "a string",
}

#: Where OpenAI names more than the type; the keys are paths with `[]` for any index.
EXPECTED_BY_PATH: Final = {
    "context_management": "an array of objects",
    "conversation": "one of a string or object",
    "include": f"an array of one of {enumeration(INCLUDE_VALUES, 'or')}",
    "input": "one of a string or array of input items",
    "input[]": "an input item",
    "input[].content": "one of a string or array of objects",
    "items": "an array of input items",
    "items[]": "an input item",
    "items[].content": "one of a string or array of objects",
    "metadata": "a metadata object",
    "tool_choice": "one of an object or 'none', 'auto', or 'required'",
    "tools": "an array of tools",
}

#: The same for members of any object.
EXPECTED_BY_MEMBER: Final = {
    "image_url": "an image URL",
    "value": "one of a string, number, boolean, or array",
}

#: What is expected where an explicit null is an error; the alternatives do not count (measured).
EXPECTED_INSTEAD_OF_NULL: Final = {"input": "a string", "model": "a string"}

FOUND: Final[Mapping[type, str]] = {
    bool: "a boolean",
    dict: "an object",
    float: "a decimal number",
    int: "an integer",
    list: "an array",
    str: "a string",
}

KIND_WORDS: Final = {
    "<array>": "an array",
    "<boolean>": "a boolean",
    "<number>": "a number",
    "<object>": "an object",
    "<string>": "a string",
}

#: The types of content parts that exist, and per place the ones that it takes, in OpenAI's order; `scoped_content`
#: stands in OpenAI's list although no document describes it.
PART_TYPES: Final = (
    "input_text",
    "input_image",
    "output_text",
    "refusal",
    "input_file",
    "input_audio",
    "computer_screenshot",
    "summary_text",
)
PARTS_BY_PLACE: Final[Mapping[frozenset[str], tuple[str, ...]]] = {
    frozenset(INPUT_PARTS): ("input_text", "input_image", "input_file", "scoped_content", "input_audio"),
    frozenset(ASSISTANT_PARTS): ASSISTANT_PARTS,
    frozenset(TOOL_OUTPUT_PARTS): TOOL_OUTPUT_PARTS,
}

QUOTED_VALUE: Final = re.compile(r"'([^']*)'")
INDEX: Final = re.compile(r"\[\d+\]")


def found(value: object, path: str) -> str:
    """What a value is, with its article; a null in place of a parameter is called an object (measured)."""
    if value is None:
        return "null" if "." in path or "[" in path else "an object"
    return FOUND.get(type(value), "an object")


def is_expected(path: str, default: str) -> str:
    """What is expected at a path, with its article."""
    general = INDEX.sub("[]", path)
    if general in EXPECTED_BY_PATH:
        return EXPECTED_BY_PATH[general]
    return EXPECTED_BY_MEMBER.get(general.rpartition(".")[2], default)


def wrong_type(path: str, value: object, expected: str) -> ResponsesError:
    """The error for a value of the wrong JSON type."""
    words = is_expected(path, expected)
    if value is None:
        words = EXPECTED_INSTEAD_OF_NULL.get(path, words)
    return errors.invalid_type(path, words, found(value, path))


# --- paths ------------------------------------------------------------------------------------------------------------


def resolve(location: Sequence[str | int], body: object, kind: str) -> str:
    """The path of a pydantic location within `body`, e.g. ``input[0].content[1].text``.

    A location also names the branches of unions. They are recognised by walking the body along: what leads nowhere is
    a branch. A key that happens to be named like its object's `type` is told apart by its second appearance.
    """
    path = ""
    value = body
    branch_seen = False
    last = len(location) - 1
    for position, step in enumerate(location):
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                break
            value, path, branch_seen = value[step], f"{path}[{step}]", False
            continue
        if not isinstance(value, dict):
            continue
        if not branch_seen and position < last and value.get("type") == step:
            branch_seen = True
        elif step in value:
            value, path, branch_seen = value[step], f"{path}.{step}" if path else step, False
        elif kind == "missing" and position == last:
            path = f"{path}.{step}" if path else step
    return path


def precedence(details: Sequence[ErrorDetails]) -> ErrorDetails:
    """The error that OpenAI would report: at each level missing members, then unknown ones, then the others in order.

    pydantic reports members in the order of their declaration, which is the order of the checks.
    """
    candidates = details
    depth = 0
    while True:
        for kind in ("missing", "extra_forbidden"):
            for detail in candidates:
                if detail["type"] == kind and len(detail["loc"]) == depth + 1:
                    return detail
        first = candidates[0]
        if len(first["loc"]) <= depth + 1:
            return first
        step = first["loc"][depth]
        depth += 1
        candidates = [
            detail for detail in candidates if len(detail["loc"]) > depth and detail["loc"][depth - 1] == step
        ]


# --- translation ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Problem:
    """One finding of pydantic: where it is, the client's value there, and pydantic's details."""

    path: str
    value: Any
    context: Mapping[str, Any]


Translation: TypeAlias = Callable[[Problem], ResponsesError]


def quoted_values(text: str) -> list[str]:
    """The values that pydantic quotes in a text."""
    return QUOTED_VALUE.findall(text)


def literal_error(problem: Problem) -> ResponsesError:
    """A value which is none of a fixed set of strings."""
    allowed = quoted_values(problem.context["expected"])
    if isinstance(problem.value, str):
        return errors.invalid_value(problem.path, problem.value, allowed)
    words = enumeration(allowed, "or")
    return wrong_type(problem.path, problem.value, words if len(allowed) == 1 else f"one of {words}")


def item_error(problem: Problem) -> ResponsesError:
    """An element of `input` that is no item."""
    item, path = problem.value, problem.path
    if not isinstance(item, dict):
        return wrong_type(path, item, "an input item")
    kind, role = item.get("type"), item.get("role")
    if kind is None or kind == "message":
        if role is None or isinstance(role, str):
            return errors.invalid_value(path, role or "", tuple(MESSAGE_TAGS))
        return wrong_type(f"{path}.role", role, f"one of {enumeration(tuple(MESSAGE_TAGS), 'or')}")
    if not isinstance(kind, str):
        return wrong_type(f"{path}.type", kind, "a string")
    return errors.invalid_value(path, kind, tuple(ITEM_TAGS))


def kind_error(problem: Problem) -> ResponsesError:
    """A value of none of the JSON types that a place takes."""
    first, *others = (KIND_WORDS[tag] for tag in quoted_values(problem.context["expected_tags"]))
    words = " or ".join([first, *(other.split(maxsplit=1)[1] for other in others)])
    return wrong_type(problem.path, problem.value, f"one of {words}" if others else words)


def type_error(problem: Problem) -> ResponsesError:
    """An object whose `type` is none of those that a place takes."""
    kind = problem.value.get("type")
    type_path = f"{problem.path}.type" if problem.path else "type"
    if not isinstance(kind, str):
        return wrong_type(type_path, kind, "a string")
    allowed = quoted_values(problem.context["expected_tags"])
    parts = PARTS_BY_PLACE.get(frozenset(allowed))
    if parts is None:
        return errors.invalid_value(type_path, kind, allowed)
    # A part of the wrong speaker is reported at the part, an invented one at its type (measured).
    if kind in PART_TYPES:
        return errors.invalid_value(problem.path, kind, parts)
    return errors.invalid_value(type_path, kind, PART_TYPES)


DISCRIMINATORS: Final[Mapping[str, Translation]] = {
    "'type'": type_error,
    "item_kind()": item_error,
    "json_kind()": kind_error,
}


def unknown_branch(problem: Problem) -> ResponsesError:
    """A union of which no branch was meant."""
    return DISCRIMINATORS[problem.context["discriminator"]](problem)


def missing_branch(problem: Problem) -> ResponsesError:
    """A union whose discriminating member is absent."""
    if problem.context["discriminator"] != "'type'":
        return unknown_branch(problem)
    if "type" in problem.value:
        return type_error(problem)
    return errors.missing_parameter(f"{problem.path}.type")


def out_of_range(problem: Problem) -> ResponsesError:
    """A number outside its range."""
    minimum, maximum = problem.context.get("ge"), problem.context.get("le")
    bound = maximum if minimum is None else minimum
    kind = "integer" if isinstance(bound, int) else "decimal"
    return errors.out_of_range(problem.path, kind, problem.value, minimum=minimum, maximum=maximum)


def too_long(problem: Problem) -> ResponsesError:
    """An array or an object with too many elements."""
    complaint = errors.too_many_properties if isinstance(problem.value, dict) else errors.array_too_long
    return complaint(problem.path, problem.context["max_length"], len(problem.value))


TRANSLATIONS: Final[Mapping[str, Translation]] = {
    "extra_forbidden": lambda problem: errors.unknown_parameter(problem.path),
    "greater_than_equal": out_of_range,
    "less_than_equal": out_of_range,
    "literal_error": literal_error,
    "missing": lambda problem: errors.missing_parameter(problem.path),
    "string_pattern_mismatch": lambda problem: errors.string_pattern_mismatch(problem.path, problem.context["pattern"]),
    "string_too_long": lambda problem: errors.string_too_long(
        problem.path, problem.context["max_length"], len(problem.value)
    ),
    "string_too_short": lambda problem: errors.string_too_short(
        problem.path, problem.context["min_length"], len(problem.value)
    ),
    "too_long": too_long,
    "union_tag_invalid": unknown_branch,
    "union_tag_not_found": missing_branch,
}


def translate(detail: ErrorDetails, body: object) -> ResponsesError:
    """One error of pydantic in the words of OpenAI."""
    kind, location = detail["type"], detail["loc"]
    path = shortened(resolve(location, body, kind))
    if kind in EXPECTED_BY_ERROR:
        return wrong_type(path, detail["input"], EXPECTED_BY_ERROR[kind])
    if kind == "string_too_long" and location[-1] == "[key]":
        # The location's last but one step is the key itself, which is no place of its own.
        return errors.property_name_too_long(
            resolve(location[:-2], body, kind), detail["ctx"]["max_length"], len(detail["input"])
        )
    if kind in TRANSLATIONS:
        return TRANSLATIONS[kind](Problem(path, detail["input"], detail.get("ctx", {})))
    # What is left are values that JSON can hardly express, such as nesting without end.
    return errors.malformed_value(path, detail["msg"][:1].lower() + detail["msg"][1:])


class Validator(Generic[ValidatedT]):
    """A type of JSON values, its schema built once."""

    __slots__ = ("_validate",)

    def __init__(self, adapter: TypeAdapter[ValidatedT]) -> None:
        self._validate = adapter.validator.validate_python

    def validate(self, value: object, *, unknown_parameters: UnknownParameters = "reject") -> ValidatedT:
        """The value as new plain dictionaries and lists; raises `ResponsesError` with the first error."""
        try:
            validated: ValidatedT = self._validate(value, strict=True, extra=EXTRA[unknown_parameters])
        except ValidationError as error:
            details = error.errors(include_url=False)
            raise translate(precedence(details), value) from None
        return validated
