"""One second try: what a server refused by name, or could not read of earlier reasoning, is left out."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, dropped, ignored
from proxy.provider.errors import ProviderError

_UNREADABLE: Final = re.compile(
    r"encrypted content .{0,80}(could not|cannot) be (verified|decrypted)|could not be decrypted"
    r"|invalid_encrypted_content"
    r"|items? with id .{0,120} not found|reasoning' .{0,80}without its required following item",
    re.IGNORECASE | re.DOTALL,
)

_DROPPABLE: Final = (
    "frequency_penalty",
    "include",
    "max_tool_calls",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
)
"""Members whose absence the client may be told of. Nothing that it relies upon is here."""

_NESTED: Final = (("reasoning", "effort"), ("reasoning", "summary"), ("reasoning", "context"), ("text", "verbosity"))

_SILENT: Final = frozenset({"stream_options", "include", "prompt_cache_options", "reasoning.summary"})
"""What has no effect on the answer."""

_UNSUPPORTED: Final = re.compile(
    r"unsupported|not (be )?(supported|permitted|allowed|accepted|recogni[sz]ed|available)|does(n't| not) support"
    r"|unknown|unrecogni[sz]ed|unexpected|extra (inputs|fields|field)|deprecated",
    re.IGNORECASE,
)


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The call without what the error names, and what is lost with it; None when there is no such thing."""
    if error.error_class != "bad_request" or error.vendor_status not in (400, 404, 422):
        return None
    body = orjson.loads(call.body)
    if _UNREADABLE.search(f"{error.message} {error.code}"):
        if not _without_proofs(body):
            return None
        reason = "the server could not read it"
        return replace(call, body=orjson.dumps(body)), [dropped("input.encrypted_content", reason)]
    if not (_UNSUPPORTED.search(error.message) or str(error.code).startswith("unsupported_")):
        return None
    for parent, name in (*(("", name) for name in _DROPPABLE), *_NESTED):
        holder = body.get(parent) if parent else body
        path = f"{parent}.{name}" if parent else name
        if isinstance(holder, dict) and name in holder and _names(error, path):
            del holder[name]
            if parent and not holder:
                del body[parent]
            loss = ignored(path, "the server refused it") if path in _SILENT else dropped(path, "the server refused it")
            return replace(call, body=orjson.dumps(body)), [loss]
    return None


def _without_proofs(body: dict[str, Any]) -> bool:
    """Take earlier reasoning and all ids out of the input; whether there was anything."""
    items = body.get("input")
    if not isinstance(items, list):
        return False
    kept = [item for item in items if item.get("type") != "reasoning"]
    named = [item for item in kept if item.pop("id", None) is not None]
    body["input"] = kept
    return len(kept) < len(items) or bool(named)


def _names(error: ProviderError, path: str) -> bool:
    """Whether the error is about the member: by its `param`, else by its text."""
    if error.vendor_param is not None:
        return error.vendor_param == path
    last = path.rpartition(".")[2]
    return re.search(rf"(?<![\w.])({re.escape(path)}|{re.escape(last)})(?!\w)", error.message) is not None
