"""Providers on other hosts, and what Bedrock's frames look like."""

import base64
from typing import Any, Final

import orjson

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.contract import Frame
from proxy.testing.frames import stream_of

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "anthropic": {"api_key": "sk-key"},
    "bedrock": {"host": "bedrock", "region": "eu-west-1", "api_key": "aws-key"},
    "vertex": {"host": "vertex", "project": "house", "location": "europe-west4"},
    "foundry": {"host": "foundry", "resource": "house", "api_key": "azure-key"},
    "compatible": {"host": "compatible", "base_url": "http://127.0.0.1:8080", "api_key": "own-key"},
}

MODELS: Final = {
    "anthropic": "claude-opus-4-8",
    "bedrock": "eu.anthropic.claude-opus-4-6-v1:0",
    "vertex": "claude-opus-4-8@20260501",
    "foundry": "claude-opus-4-8",
    "compatible": "qwen3",
}


def on(host: str, **options: Any) -> Anthropic:
    """A provider on the host."""
    return Anthropic(AnthropicSettings.model_validate({**SETTINGS[host], **options}), host)


def chunk(payload: Any) -> Frame:
    """A frame of Bedrock's with one of Anthropic's events, and random letters beside it."""
    event = base64.b64encode(orjson.dumps(payload)).decode()
    return Frame("chunk", orjson.dumps({"bytes": event, "p": "abcdefgh"}))


def exception(name: str, **members: Any) -> Frame:
    """A frame of Bedrock's that tells of a failure."""
    return Frame(f"exception/{name}", orjson.dumps(members))


def wrapped(*payloads: Any) -> bytes:
    """The bytes of a stream of Bedrock's; frames among the payloads stay as they are."""
    frames = [payload if isinstance(payload, Frame) else chunk(payload) for payload in payloads]
    return stream_of("aws_event_stream", frames)
