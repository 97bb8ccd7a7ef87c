"""The errors of the gateway: raised where they are known, rendered in one place.

Every failure that a client may see is a `ResponsesError` or a subclass of it. The factory functions below build the
recurring ones with the wording of OpenAI (measured 2026-08-30 unless a docstring says otherwise), so that a client
which reads messages or codes sees what it is used to.

`param` is a path into the request body such as ``input[0].content[1].text``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

#: The longest piece of a client's own text that an error repeats, in characters.
MAX_QUOTED_LENGTH: Final = 256

CREATE_REFERENCE: Final = "https://platform.openai.com/docs/api-reference/responses/create"


class ResponsesError(Exception):
    """A failure with everything that its rendering needs.

    Attributes:
        status: The HTTP status; SDKs choose their exception class by it alone.
        message: A sentence for the developer of the client; never empty, without secrets.
        type: The class of the error, e.g. ``invalid_request_error`` or ``server_error``.
        param: The path of the offending parameter, or None.
        code: The machine-readable reason, or None.
        headers: HTTP headers for the answer, e.g. ``retry-after``; empty for most errors.
    """

    __slots__ = ("code", "headers", "message", "param", "status", "type")

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the envelope's own name for it
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.headers = headers

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.status}, {self.message!r}, type={self.type!r}, "
            f"param={self.param!r}, code={self.code!r})"
        )


def envelope(error: ResponsesError) -> dict[str, Any]:
    """The JSON body of an error answer; all four members are always present."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def shortened(text: str) -> str:
    """The client's own text, cut to `MAX_QUOTED_LENGTH` characters."""
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[: MAX_QUOTED_LENGTH - 3]}..."


def quoted(text: str) -> str:
    """The client's own text in single quotes, cut to `MAX_QUOTED_LENGTH` characters."""
    return f"'{shortened(text)}'"


def enumeration(values: Sequence[str], conjunction: str) -> str:
    """The values as OpenAI lists them: ``'a'``, ``'a' and 'b'``, ``'a', 'b', and 'c'``."""
    names = [f"'{value}'" for value in values]
    if len(names) < 3:
        return f" {conjunction} ".join(names)
    return f"{', '.join(names[:-1])}, {conjunction} {names[-1]}"


# --- the form of the body ---------------------------------------------------------------------------------------------


def invalid_body(message: str) -> ResponsesError:
    """A body that is no JSON object at all; there is no parameter to name."""
    return ResponsesError(400, message)


def missing_parameter(path: str) -> ResponsesError:
    """A required parameter that is absent."""
    return ResponsesError(
        400, f"Missing required parameter: {quoted(path)}.", param=path, code="missing_required_parameter"
    )


def unknown_parameter(path: str, suggestions: Sequence[str] = ()) -> ResponsesError:
    """A parameter that does not exist; `suggestions` are the names that the client may have meant."""
    hint = f" Did you mean {enumeration(suggestions, 'or')}?" if suggestions else ""
    return ResponsesError(
        400, f"Unknown parameter: {quoted(path)}.{hint}", param=shortened(path), code="unknown_parameter"
    )


def moved_parameter(name: str, successor: str) -> ResponsesError:
    """A parameter of Chat Completions which has another name here; OpenAI names no `param`."""
    return ResponsesError(
        400,
        f"Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{successor}'. "
        f"Try again with the new parameter. See the API documentation for more information: {CREATE_REFERENCE}.",
        code="unsupported_parameter",
    )


def invalid_type(path: str, expected: str, found: str) -> ResponsesError:
    """A value of the wrong JSON type; `expected` and `found` carry their article: ``a string``, ``an integer``."""
    return ResponsesError(
        400,
        f"Invalid type for {quoted(path)}: expected {expected}, but got {found} instead.",
        param=path,
        code="invalid_type",
    )


def invalid_value(path: str, value: str, allowed: Sequence[str]) -> ResponsesError:
    """A string that is none of the allowed ones."""
    return ResponsesError(
        400,
        f"Invalid value: {quoted(value)}. Supported values are: {enumeration(allowed, 'and')}.",
        param=path,
        code="invalid_value",
    )


def malformed_value(path: str, reason: str) -> ResponsesError:
    """A value of the right type which cannot be used; `reason` is a sentence without its full stop."""
    return ResponsesError(400, f"Invalid {quoted(path)}: {reason}.", param=path, code="invalid_value")


def out_of_range(path: str, kind: str, value: float, *, minimum: float | None, maximum: float | None) -> ResponsesError:
    """A number outside its range; `kind` is ``integer`` or ``decimal`` and exactly one bound is given."""
    side, sign, bound = ("below", ">=", minimum) if minimum is not None else ("above", "<=", maximum)
    if bound is None:
        raise ValueError("out_of_range needs one bound")
    limit = "minimum" if side == "below" else "maximum"
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: {kind} {side} {limit} value. "
        f"Expected a value {sign} {int(bound) if bound == int(bound) else bound}, but got {value!r} instead.",
        param=path,
        code=f"{kind}_{side}_{limit[:3]}_value",
    )


def string_too_long(path: str, maximum: int, length: int) -> ResponsesError:
    """A string with more characters than allowed (wording: public issue threads)."""
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: string too long. Expected a string with maximum length {maximum}, "
        f"but got a string with length {length} instead.",
        param=path,
        code="string_above_max_length",
    )


def string_too_short(path: str, minimum: int, length: int) -> ResponsesError:
    """A string with fewer characters than required (wording: public issue threads)."""
    if length == 0:
        return ResponsesError(
            400,
            f"Invalid {quoted(path)}: empty string. Expected a string with minimum length {minimum}, "
            "but got an empty string instead.",
            param=path,
            code="empty_string",
        )
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: string too short. Expected a string with minimum length {minimum}, "
        f"but got a string with length {length} instead.",
        param=path,
        code="string_below_min_length",
    )


def string_pattern_mismatch(path: str, pattern: str) -> ResponsesError:
    """A string that does not match its regular expression (wording: public issue threads)."""
    return malformed_value(
        path, f"string does not match pattern. Expected a string that matches the pattern '{pattern}'"
    )


def array_too_long(path: str, maximum: int, length: int) -> ResponsesError:
    """An array with more elements than allowed (wording: public issue threads)."""
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: array too long. Expected an array with maximum length {maximum}, "
        f"but got an array with length {length} instead.",
        param=path,
        code="array_above_max_length",
    )


def array_empty(path: str) -> ResponsesError:
    """An array without elements where one is needed (wording: public issue threads)."""
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: empty array. Expected an array with minimum length 1, "
        "but got an empty array instead.",
        param=path,
        code="empty_array",
    )


def too_many_properties(path: str, maximum: int, count: int) -> ResponsesError:
    """An object with more members than allowed."""
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: too many properties. Expected an object with at most {maximum} properties, "
        f"but got an object with {count} properties instead.",
        param=path,
        code="object_above_max_properties",
    )


def property_name_too_long(path: str, maximum: int, length: int) -> ResponsesError:
    """A member of a free object whose name has too many characters (formed after `too_many_properties`)."""
    return ResponsesError(
        400,
        f"Invalid {quoted(path)}: property name too long. Expected property names with maximum length {maximum}, "
        f"but got a property name with length {length} instead.",
        param=path,
        code="property_name_above_max_length",
    )


# --- the model --------------------------------------------------------------------------------------------------------


def model_not_found(name: str) -> ResponsesError:
    """A model that no route serves; 400 here, where Chat Completions answers 404 (recorded)."""
    return ResponsesError(
        400, f"The requested model {quoted(name)} does not exist.", param="model", code="model_not_found"
    )


# --- state ------------------------------------------------------------------------------------------------------------


def mutually_exclusive() -> ResponsesError:
    """Both `previous_response_id` and `conversation`; the shortened name is OpenAI's own text."""
    return ResponsesError(
        400,
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'.",
        code="mutually_exclusive_parameters",
    )


def conversation_not_found(conversation_id: str) -> ResponsesError:
    """A conversation that does not exist."""
    return ResponsesError(404, f"Conversation with id {quoted(conversation_id)} not found.")


def prompt_not_found(prompt_id: str, version: str | None = None) -> ResponsesError:
    """A prompt template, or a version of one, that does not exist."""
    named = "" if version is None else f" and version {quoted(version)}"
    return ResponsesError(404, f"Prompt with id {quoted(prompt_id)}{named} not found.")


def previous_response_not_found(response_id: str) -> ResponsesError:
    """A `previous_response_id` that is not stored; 400, not 404."""
    return ResponsesError(
        400,
        f"Previous response with id {quoted(response_id)} not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def previous_response_unfinished(response_id: str) -> ResponsesError:
    """A `previous_response_id` whose response is still being made."""
    return ResponsesError(
        400,
        f"Previous response with id {quoted(response_id)} is still in progress. Wait until it has ended.",
        param="previous_response_id",
        code="previous_response_in_progress",
    )


def previous_response_not_usable(response_id: str, status: str) -> ResponsesError:
    """A `previous_response_id` whose response has no whole answer."""
    return ResponsesError(
        400,
        f"Previous response with id {quoted(response_id)} has the status '{status}' and cannot be continued.",
        param="previous_response_id",
        code="previous_response_not_completed",
    )


def history_changing() -> ResponsesError:
    """A request whose history changes whenever it is looked at; clients try again by themselves (code: OpenAI's)."""
    return ResponsesError(
        409,
        "What the request continues is being changed by other requests all the time. Try again.",
        code="conversation_locked",
        headers={"retry-after": "1"},
    )


def response_not_found(response_id: str) -> ResponsesError:
    """A response that is asked for by its id and not stored (wording: Azure's contract tests)."""
    return ResponsesError(404, f"Response with id {quoted(response_id)} not found.")


def conversation_item_not_found(item_id: str, conversation_id: str) -> ResponsesError:
    """An item that is asked for by its id and is not in the conversation (formed after its neighbours)."""
    return ResponsesError(
        404, f"Item with id {quoted(item_id)} not found in conversation with id {quoted(conversation_id)}."
    )


def cursor_not_found(item_id: str) -> ResponsesError:
    """An `after` that is none of the list's items; 400, because what is listed does exist."""
    return malformed_value("after", f"no item with id {quoted(item_id)} is in this list")


def response_in_flight(response_id: str) -> ResponsesError:
    """A response that is to be deleted and is still being made; 400 as in Azure's contract tests."""
    return ResponsesError(
        400, f"Response with id {quoted(response_id)} is still in progress. Cancel it, or wait until it has ended."
    )


def not_cancellable(message: str) -> ResponsesError:
    """A response that cannot be cancelled; `message` is the whole sentence (wording: Azure's contract tests, vLLM)."""
    return ResponsesError(400, message)


def item_not_found(item_id: str, param: str = "input") -> ResponsesError:
    """An item that is referenced by its id and not stored (wording: quoted by public programs)."""
    return ResponsesError(
        404,
        f"Item with id {quoted(item_id)} not found. Items are not persisted when `store` is set to false.",
        param=param,
    )


def input_missing() -> ResponsesError:
    """An empty input while nothing else gives the model something to answer."""
    return ResponsesError(
        400,
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
        code="missing_required_parameter",
    )


def connection_limit_reached(minutes: float) -> ResponsesError:
    """A WebSocket that was open for as long as it may be."""
    return ResponsesError(
        400,
        f"Responses websocket connection limit reached ({minutes:g} minutes). Create a new websocket connection to "
        "continue.",
        code="websocket_connection_limit_reached",
    )


# --- what a model or this gateway does not take -----------------------------------------------------------------------


def unsupported_parameter(path: str, message: str) -> ResponsesError:
    """A known parameter that cannot be honoured here; `message` is the whole sentence."""
    return ResponsesError(400, message, param=path, code="unsupported_parameter")


def unsupported_value(path: str, message: str) -> ResponsesError:
    """A known value that cannot be honoured here; `message` is the whole sentence."""
    return ResponsesError(400, message, param=path, code="unsupported_value")


# --- the history ------------------------------------------------------------------------------------------------------


def tool_output_missing(call_id: str) -> ResponsesError:
    """A function call without its output (wording: quoted by public programs)."""
    return ResponsesError(400, f"No tool output found for function call {call_id}.", param="input")


def tool_call_missing(call_id: str) -> ResponsesError:
    """A function call's output without its call (wording: quoted by public programs)."""
    return ResponsesError(400, f"No tool call found for function call output with call_id {call_id}.", param="input")


# --- errors inside a response -----------------------------------------------------------------------------------------

ERROR_CODES = frozenset(
    {
        "server_error",
        "rate_limit_exceeded",
        "invalid_prompt",
        "data_residency_mismatch",
        "bio_policy",
        "misalignment_policy_violation",
        "vector_store_timeout",
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_content_policy_violation",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
    }
)
"""The values that clients accept as `response.error.code`."""


def error_code(error: ResponsesError) -> str:
    """The error's code as a response object may carry it."""
    if error.code in ERROR_CODES:
        return error.code
    return "rate_limit_exceeded" if error.status == 429 else "server_error"
