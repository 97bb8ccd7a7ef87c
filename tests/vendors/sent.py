"""What of a conversation arrived at the vendor, whichever protocol it came in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.vendors.server import Recorded


@dataclass
class Conversation:
    """The roles in their order (without system messages), calls as (id, name, arguments), results as (id, text), and
    images and PDF files by address or as base64."""

    roles: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    pdfs: list[str] = field(default_factory=list)


def conversation(recorded: Recorded) -> Conversation:
    """The conversation of a request."""
    body, found = recorded.json, Conversation()
    if "contents" in body:
        for content in body["contents"]:
            found.roles.append(content["role"])
            for part in content["parts"]:
                _gemini(part, found)
        return found
    if "input" in body:
        for item in body["input"]:
            _native(item, found)
        return found
    for message in body["messages"]:
        if message["role"] in ("system", "developer"):
            continue
        found.roles.append(message["role"])
        for call in message.get("tool_calls") or ():
            arguments = orjson.loads(call["function"]["arguments"])
            found.calls.append((call["id"], call["function"]["name"], arguments))
        if message["role"] == "tool":
            found.results.append((message["tool_call_id"], message["content"]))
        content = message["content"]
        for part in content if isinstance(content, list) else ():
            if recorded.path.endswith("/messages"):
                _anthropic(part, found)
            else:
                _chat(part, found)
    return found


def _native(item: Mapping[str, Any], found: Conversation) -> None:
    """An item of Responses; calls that stand together count as one turn of the assistant, as elsewhere."""
    role = {"function_call": "assistant", "function_call_output": "tool"}.get(item["type"], item.get("role", ""))
    if role not in ("", "system", "developer") and (role != "assistant" or found.roles[-1:] != ["assistant"]):
        found.roles.append(role)
    if item["type"] == "function_call":
        found.calls.append((item["call_id"], item["name"], orjson.loads(item["arguments"])))
    elif item["type"] == "function_call_output":
        found.results.append((item["call_id"], item["output"]))
    elif item["type"] == "message":
        for part in item["content"]:
            if part["type"] == "input_image":
                found.images.append(_payload(part["image_url"]))
            elif part["type"] == "input_file":
                found.pdfs.append(_payload(part.get("file_data") or part["file_url"]))


def _chat(part: Mapping[str, Any], found: Conversation) -> None:
    if part["type"] == "image_url":
        found.images.append(_payload(part["image_url"]["url"]))
    elif part["type"] == "file":
        found.pdfs.append(_payload(part["file"]["file_data"]))
    elif part["type"] == "document_url":
        found.pdfs.append(_payload(part["document_url"]))


def _anthropic(block: Mapping[str, Any], found: Conversation) -> None:
    if block["type"] == "tool_use":
        found.calls.append((block["id"], block["name"], block["input"]))
    elif block["type"] == "tool_result":
        found.results.append((block["tool_use_id"], block["content"]))
    elif block["type"] in ("image", "document"):
        source = block["source"]
        media = found.images if block["type"] == "image" else found.pdfs
        media.append(source["data"] if source["type"] == "base64" else source["url"])


def _gemini(part: Mapping[str, Any], found: Conversation) -> None:
    if call := part.get("functionCall"):
        found.calls.append((call["id"], call["name"], call["args"]))
    elif result := part.get("functionResponse"):
        found.results.append((result["id"], result["response"]["output"]))
    elif blob := part.get("inlineData") or part.get("fileData"):
        media = found.pdfs if blob["mimeType"] == "application/pdf" else found.images
        media.append(blob.get("data") or blob["fileUri"])


def _payload(url: str) -> str:
    """The base64 text of a data URL, or the address."""
    return url.partition(",")[2] if url.startswith("data:") else url
