"""What stands in a Chat Completions answer, read tolerantly: what is not as expected counts as absent."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from proxy.responses.events import FinishReason

FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
}

#: What Responses calls the service tiers of an answer.
SERVICE_TIERS: Final[Mapping[str, str]] = {
    **{tier: tier for tier in ("auto", "default", "fast", "flex", "priority", "scale", "ultrafast")},
    "standard": "default",
}

#: Reasons that say that the answer broke off.
FAILURES: Final = frozenset({"abort", "error", "insufficient_system_resource", "network_error"})


def url_citations(annotations: object) -> list[dict[str, object]]:
    """The citations among a message's annotations, in Responses form; what they tell may stand in an object of its own,
    as OpenAI has it, or beside the type."""
    citations: list[dict[str, object]] = []
    for annotation in _mappings(annotations):
        citation = annotation.get("url_citation")
        if citation is None and annotation.get("type") == "url_citation":
            citation = annotation
        if isinstance(citation, dict) and (url := text_of(citation.get("url"))):
            citations.append(
                {
                    "type": "url_citation",
                    "start_index": _index(citation.get("start_index")),
                    "end_index": _index(citation.get("end_index")),
                    "url": url,
                    "title": text_of(citation.get("title")) or "",
                }
            )
    return citations


def source_in(part: Mapping[str, Any]) -> tuple[str, str] | None:
    """The address and the title of what a content part refers to (Mistral); None where it names no address."""
    kind = part.get("type")
    if kind not in ("tool_reference", "resource_link"):
        return None
    metadata = part.get("metadata")
    described = metadata if isinstance(metadata, dict) else {}
    url = text_of(part.get("url") if kind == "tool_reference" else part.get("uri"))
    title = text_of(part.get("title")) or text_of(described.get("title")) or text_of(described.get("name"))
    return (url, title or "") if url is not None and url.startswith(("https://", "http://")) else None


def token_logprobs(logprobs: object) -> list[dict[str, object]]:
    """The tokens of a choice's `logprobs`, in Responses form."""
    if not isinstance(logprobs, dict):
        return []
    tokens = logprobs.get("content")
    if tokens is None and isinstance(logprobs.get("tokens"), list):
        tokens = _listed_tokens(logprobs)
    return [{**_token(token), "top_logprobs": _tokens(token.get("top_logprobs"))} for token in _mappings(tokens)]


def _listed_tokens(logprobs: Mapping[str, Any]) -> list[dict[str, object]]:
    """The form of the older Completions, which Together keeps: lists side by side, and alternatives by their text."""
    values, tops = logprobs.get("token_logprobs"), logprobs.get("top_logprobs")
    columns = [column if isinstance(column, list) else [] for column in (logprobs["tokens"], values, tops)]
    tokens: list[dict[str, object]] = []
    for token, value, top in zip_longest(*columns):
        alternatives = top.items() if isinstance(top, dict) else ()
        listed = [{"token": text, "logprob": number} for text, number in alternatives]
        tokens.append({"token": token, "logprob": value, "top_logprobs": listed})
    return tokens[: len(columns[0])]


def as_delta(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer's choice as a chunk's. Its calls are whole: each gets an index of its own."""
    message, several = choice.get("message"), choice.get("messages")
    if not isinstance(message, dict) and isinstance(several, list):
        message = _as_one(_mappings(several))
    delta = dict(message) if isinstance(message, dict) else choice.get("delta")
    if isinstance(delta, dict) and isinstance(calls := delta.get("tool_calls"), list):
        numbered = [{**call, "index": index} if isinstance(call, dict) else call for index, call in enumerate(calls)]
        delta = {**delta, "tool_calls": numbered}
    return {**choice, "delta": delta}


def _as_one(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A choice's messages in their order as one (Mistral)."""
    content: list[Any] = []
    calls: list[Any] = []
    for message in messages:
        said, called = message.get("content"), message.get("tool_calls")
        content += said if isinstance(said, list) else [said]
        calls += called if isinstance(called, list) else ()
    return {"role": "assistant", "content": content, "tool_calls": calls}


def text_of(value: object) -> str | None:
    """The value if it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def joined_text(value: object) -> str:
    """The text of a string or of a list of `{text}` parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return text_of(value.get("text") or value.get("content")) or ""
    return "".join(joined_text(part) for part in value if not isinstance(part, list)) if isinstance(value, list) else ""


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _index(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def _tokens(tokens: object) -> list[dict[str, object]]:
    return [_token(token) for token in _mappings(tokens)]


def _token(token: Mapping[str, Any]) -> dict[str, object]:
    logprob, octets = token.get("logprob"), token.get("bytes")
    return {
        "token": text_of(token.get("token")) or "",
        "logprob": logprob if isinstance(logprob, int | float) and not isinstance(logprob, bool) else 0.0,
        "bytes": [each for each in octets if isinstance(each, int)] if isinstance(octets, list) else [],
    }
