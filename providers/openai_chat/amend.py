"""One second try: a server that does not know a member of the request names it, and does without it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

#: Members whose absence the client may be told of, and their paths in the request. Nothing that the client relies upon
#: is here: no tool, schema, choice or content.
DROPPABLE: Final[Mapping[str, str]] = {
    "enable_thinking": "reasoning.effort",
    "frequency_penalty": "frequency_penalty",
    "logprobs": "include",
    "parallel_tool_calls": "parallel_tool_calls",
    "presence_penalty": "presence_penalty",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "prompt_cache_options",
    "prompt_cache_retention": "prompt_cache_retention",
    "reasoning": "reasoning.effort",
    "reasoning_effort": "reasoning.effort",
    "safety_identifier": "safety_identifier",
    "service_tier": "service_tier",
    "temperature": "temperature",
    "thinking": "reasoning.effort",
    "thinking_budget": "reasoning.effort",
    "top_logprobs": "top_logprobs",
    "top_p": "top_p",
    "user": "user",
    "verbosity": "text.verbosity",
}

#: What servers say of a member without naming it (Ollama, OpenRouter).
_SAID: Final[Mapping[str, re.Pattern[str]]] = {
    "reasoning": re.compile(r"does(n't| not) support reasoning\b|reasoning is mandatory", re.IGNORECASE),
    "reasoning_effort": re.compile(r"does(n't| not) support (thinking|reasoning)\b", re.IGNORECASE),
}

#: Members that mean nothing without the other.
_TOGETHER: Final[Mapping[str, str]] = {"enable_thinking": "thinking_budget", "logprobs": "top_logprobs"}

#: Members that a message may speak of without naming them: only in quotation marks are they named.
_COMMON_WORDS: Final = frozenset({"thinking"})

BREAKPOINT: Final = "prompt_cache_breakpoint"

_LIMITS: Final = ("max_tokens", "max_completion_tokens")

_UNSUPPORTED: Final = re.compile(
    r"unsupported|not (be )?(supported|permitted|allowed|accepted|recogni[sz]ed|available)|does(n't| not) support"
    r"|unknown|unrecogni[sz]ed|unexpected|extra (inputs|fields|field)|deprecated|cannot be (used|disabled)"
    r"|incompatible|greedy sampling",
    re.IGNORECASE,
)


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The call without the member that the error names, and what is lost with it; None when there is no such member."""
    if error.error_class != "bad_request" or error.vendor_status not in (400, 422):
        return None
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return None
    if "stream_options" in body and _names(error, "stream_options"):
        del body["stream_options"]
        conversion = ignored("stream_options", "the server does not know it, and may send no usage")
        return replace(call, body=orjson.dumps(body)), [conversion]
    if not (_UNSUPPORTED.search(error.message) or str(error.code).startswith("unsupported_")):
        return None
    for old, new in (_LIMITS, _LIMITS[::-1]):
        if old in body and new not in body and _names(error, old):
            body = {new if name == old else name: value for name, value in body.items()}
            conversion = approximated("max_output_tokens", f"sent as {new}")
            return replace(call, body=orjson.dumps(body)), [conversion]
    if BREAKPOINT in f"{error.message} {error.vendor_param}" and _without_breakpoints(body):
        conversion = ignored(f"input.content.{BREAKPOINT}", "the server refused it")
        return replace(call, body=orjson.dumps(body)), [conversion]
    for name, path in DROPPABLE.items():
        if name in body and _names(error, name):
            value, alternatives = body.pop(name), body.pop(_TOGETHER.get(name, ""), None)
            if name == "logprobs" and (alternatives is not None or value is not True):
                path = "top_logprobs"
            return replace(call, body=orjson.dumps(body)), [dropped(path, "the server refused it")]
    return None


def _without_breakpoints(body: Mapping[str, Any]) -> bool:
    """Take the ends of cached beginnings out of the messages; whether there were any."""
    found = False
    for message in body.get("messages", ()):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            found |= part.pop(BREAKPOINT, None) is not None
    return found


def _names(error: ProviderError, member: str) -> bool:
    """Whether the error is about the member: by its `param`, else by its text."""
    if error.vendor_param is not None:
        return re.split(r"[.\[]", error.vendor_param, maxsplit=1)[0] == member
    if (said := _SAID.get(member)) is not None and said.search(error.message):
        return True
    if member in _COMMON_WORDS:
        return re.search(rf"""['"`]{member}['"`.]""", error.message) is not None
    # xAI names it in camel case.
    camel = re.sub(r"_([a-z])", lambda letter: letter[1].upper(), member)
    return re.search(rf"(?<![\w.])({re.escape(member)}|{re.escape(camel)})(?!\w)", error.message) is not None
