"""The Response object: how it opens, with every setting of the request echoed (Responses reference, section 7)."""

import time
from collections.abc import Mapping

from proxy.responses import identifiers
from proxy.responses.request import CreateRequest


def opening(
    request: CreateRequest,
    *,
    response_id: str | None = None,
    created_at: int | None = None,
    conversation: str | None = None,
) -> dict[str, object]:
    """The object of `response.created`: in progress, without output, settings echoed as they were sent.

    It satisfies OpenAI's types and the required members of Open Responses. `service_tier` reads `auto` until the one
    used is known. Id and time are new ones unless they are given; `conversation` is the id of the conversation that
    the response belongs to.
    """
    reasoning = request.reasoning or {}
    response: dict[str, object] = {
        "id": response_id or identifiers.response_id(),
        "object": "response",
        "created_at": int(time.time()) if created_at is None else created_at,
        "status": "in_progress",
        "completed_at": None,
        "background": request.background,
        "error": None,
        "frequency_penalty": request.frequency_penalty or 0.0,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "presence_penalty": request.presence_penalty or 0.0,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "prompt_cache_retention": request.prompt_cache_retention,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")}
        | {name: reasoning[name] for name in ("context", "mode") if reasoning.get(name) is not None},
        "safety_identifier": request.safety_identifier,
        "service_tier": "auto",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {"format": _format_echo(request), "verbosity": (request.text or {}).get("verbosity") or "medium"},
        "tool_choice": request.tool_choice or "auto",
        "tools": [_tool_echo(tool) for tool in request.tools or ()],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
        "user": request.user,
    }
    if request.prompt_cache_options is not None:
        response["prompt_cache_options"] = request.prompt_cache_options
    if conversation is not None:
        response["conversation"] = {"id": conversation}
    if request.prompt is not None:
        response["prompt"] = request.prompt
    return response


def _format_echo(request: CreateRequest) -> Mapping[str, object]:
    form = (request.text or {}).get("format")
    if not form:
        return {"type": "text"}
    if form["type"] != "json_schema":
        return form
    return {"description": None, "strict": False, **{name: value for name, value in form.items() if value is not None}}


def _tool_echo(tool: Mapping[str, object]) -> Mapping[str, object]:
    if tool["type"] == "mcp":
        # What lets in stands in no response, as at OpenAI: responses are kept, and handed on.
        echo = {name: value for name, value in tool.items() if name not in ("authorization", "headers")}
        return {**echo, "headers": None} if "headers" in tool else echo
    if tool["type"] != "function":
        return tool
    # `strict` is echoed as effective: a tool that does not ask for it is not strict here.
    return {"description": None, "parameters": None, **tool, "strict": tool.get("strict") is True}
