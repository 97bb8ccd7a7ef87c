"""Every recorded request of a client becomes a body that the vendor's own SDK types accept, or a declared refusal."""

import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .oracle import complaints
from .recordings import CLIENTS, CORPUS, RecordedRequest, requests, tell
from .targets import DESTINATIONS, FULL, Declined, Destination, Translated, digest, translate

EACH_DESTINATION = pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda destination: destination.id)
RECORDED = pytest.mark.skipif(not requests(), reason=f"no recordings: {CORPUS} and {CLIENTS} not set")

#: What may stand in a body, for a vendor or a dialect, although the SDK does not know it, and why.
OUTSIDE_THE_SDK: dict[str, dict[str, str]] = {
    "anthropic": {
        "temperature": "taken by API version 2023-06-01, which the SDK has left behind",
        "top_p": "taken by API version 2023-06-01, which the SDK has left behind",
    },
    "cerebras": {"disable_reasoning": "Cerebras' switch of GLM's reasoning"},
    "dashscope": {
        "enable_thinking": "DashScope's switch of reasoning",
        "thinking_budget": "how much Qwen may reason",
    },
    "deepseek": {"thinking": "DeepSeek's switch of reasoning"},
    "glm": {
        "thinking": "Z.ai's switch of reasoning",
        "tool_stream": "asks Z.ai for arguments in pieces",
    },
    "groq": {
        "reasoning_effort": "Qwen on Groq has the effort 'default'",
        "reasoning_format": "asks Groq for reasoning apart from the text",
        "service_tier": "Groq's names of the tiers",
    },
    "minimax": {
        "reasoning_split": "asks MiniMax for reasoning apart from the text",
        "thinking": "MiniMax's switch of reasoning",
    },
    "mistral": {"tool_choice": "Mistral's word for 'required' is 'any'"},
    "moonshot": {"thinking": "Moonshot's switch of reasoning"},
    "openrouter": {"reasoning": "OpenRouter's settings of reasoning"},
    "together": {
        "context_length_exceeded_behavior": "keeps Together from cutting the limit",
        "logprobs": "on Together the number of alternatives",
        "reasoning": "Together's switch of reasoning",
    },
}
MESSAGE_MEMBERS_OUTSIDE_THE_SDK: dict[str, dict[str, str]] = {
    "deepseek": {"reasoning_content": "DeepSeek refuses calls without their reasoning"},
    "mistral": {"name": "Mistral wants the tool's name with its result"},
    "moonshot": {"reasoning_content": "Moonshot refuses calls without their reasoning"},
    "vllm": {"reasoning": "vLLM's own member for earlier reasoning"},
    "llama_cpp": {"reasoning_content": "llama.cpp's own member for earlier reasoning"},
}
PARTS_OUTSIDE_THE_SDK: dict[str, dict[str, str]] = {
    "mistral": {"document_url": "Mistral's own form of PDF files"},
}

#: Refusals of recorded requests: status, code, param without its indexes; and why they are right.
REFUSALS: dict[tuple[int, str | None, str | None], str] = {
    (400, "previous_response_not_found", "previous_response_id"): "nothing is stored yet",
    (404, None, None): "a conversation, and nothing is stored yet",
    (404, None, "input"): "a reference to a stored item, and nothing is stored yet",
    (400, "unsupported_value", "background"): "nothing runs in the background yet",
    (400, "decimal_above_max_value", "temperature"): "a client's test of bad requests: temperature 9",
    (400, "unsupported_value", "input"): "a compaction that only OpenAI can read",
    (400, "unsupported_parameter", "input.content.file_url"): "Chat Completions takes no files by address",
    (400, "unsupported_value", "input.content.file_data"): "a PDF for a server of which nothing says that it reads PDF",
    (400, "unsupported_value", "input.content.image_url"): "an image by address for a server that takes images as data",
    (400, "unsupported_value", "input.content"): "an image for a model that reads text alone",
    (400, "unsupported_parameter", "text.format"): "a schema for a server that holds to none",
    (400, "unsupported_value", "tool_choice"): "a forced call for a server that cannot be told to force one",
}

OF_THE_TARGET = frozenset(
    {
        "input.content",
        "input.content.file_data",
        "input.content.file_url",
        "input.content.image_url",
        "text.format",
        "tool_choice",
    }
)
"""Params of refusals that depend on the target; the others hold for every one."""


@cache
def translated(request: RecordedRequest, destination: Destination) -> Translated | Declined:
    return translate(request.body, destination)


def without_indexes(path: str | None) -> str | None:
    return None if path is None else re.sub(r"\[\d+\]", "", path)


def within_the_sdk(body: dict[str, Any], destination: Destination) -> dict[str, Any]:
    """The body without what is known to stand outside the SDK's types."""
    if destination.vendor == "gemini":
        return body
    beside = MESSAGE_MEMBERS_OUTSIDE_THE_SDK.get(destination.dialect, {})
    messages = [{name: value for name, value in message.items() if name not in beside} for message in body["messages"]]
    parts = PARTS_OUTSIDE_THE_SDK.get(destination.dialect, {})
    for message in messages:
        if parts and isinstance(message["content"], list):
            message["content"] = [part for part in message["content"] if part["type"] not in parts]
    outside = OUTSIDE_THE_SDK.get(destination.dialect or destination.vendor, {})
    return {name: value for name, value in body.items() if name not in outside} | {"messages": messages}


# --- recorded requests ------------------------------------------------------------------------------------------------


@RECORDED
@EACH_DESTINATION
def test_recorded_request_becomes_what_the_sdk_accepts(destination: Destination) -> None:
    found = {request.id: translated(request, destination) for request in requests()}
    wrong = {
        name: complaints(destination.vendor, within_the_sdk(each.body, destination))
        for name, each in found.items()
        if isinstance(each, Translated)
    }
    assert {name: each for name, each in wrong.items() if each} == {}


@RECORDED
@EACH_DESTINATION
def test_sampling_goes_to_anthropic_in_the_version_that_takes_it(destination: Destination) -> None:
    for request in requests():
        each = translated(request, destination)
        if destination.vendor == "anthropic" and isinstance(each, Translated):
            sampling = {name: each.body[name] for name in ("temperature", "top_p") if name in each.body}
            assert all(0 <= value <= 1 for value in sampling.values())
            assert each.call.headers["anthropic-version"] == ("2023-06-01" if sampling else "2026-10-21")


@RECORDED
@EACH_DESTINATION
def test_refusal_of_a_recorded_request_is_declared(destination: Destination) -> None:
    for request in requests():
        each = translated(request, destination)
        if isinstance(each, Declined):
            kind = (each.status, each.code, without_indexes(each.param))
            assert kind in REFUSALS, f"{request.id}: {each}"


@RECORDED
def test_refusals_are_few_and_mostly_the_same_everywhere() -> None:
    refusals, harmless = Counter[str](), 0
    for request in requests():
        for destination in DESTINATIONS:
            each = translated(request, destination)
            if isinstance(each, Declined):
                param = without_indexes(each.param)
                refusals[f"{each.status} {each.code} {param}"] += 1
                harmless += param in OF_THE_TARGET
    total = len(requests()) * len(DESTINATIONS)
    tell(f"{len(requests())} requests x {len(DESTINATIONS)} targets = {total}; refused {sum(refusals.values())}:")
    for kind, count in refusals.most_common():
        tell(f"{count:5} {kind}")
    assert harmless / total < 0.02


@RECORDED
@EACH_DESTINATION
def test_every_loss_has_a_place_and_a_reason(destination: Destination) -> None:
    for request in requests():
        each = translated(request, destination)
        if isinstance(each, Translated):
            for conversion in each.conversions:
                root = re.split(r"[.\[]", conversion.path, maxsplit=1)[0]
                assert root in request.body or root == "input", conversion
                assert conversion.reason


# --- equal requests, equal bytes --------------------------------------------------------------------------------------


@EACH_DESTINATION
def test_a_full_request_becomes_what_the_sdk_accepts(destination: Destination) -> None:
    each = translate(FULL, destination)
    if isinstance(each, Declined) and each.param == "text.format":
        # A server that holds to no schema.
        each = translate({name: value for name, value in FULL.items() if name != "text"}, destination)
    assert isinstance(each, Translated)
    assert complaints(destination.vendor, within_the_sdk(each.body, destination)) == []


def test_equal_requests_give_equal_bytes_in_every_process() -> None:
    root = Path(__file__).parents[2]
    program = "from tests.corpus.targets import digest; print(digest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert digests == {digest()}
