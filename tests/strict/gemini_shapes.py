"""The messages of Gemini's API: which members each has and of which kind. Everything else is refused, as Google refuses
what it does not know.

Source: google-genai's types of November 2026, as far as the Gemini API takes them; the members that only Vertex AI has
are left out.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Kind: TypeAlias = str
"""A JSON kind, the name of another message, or one of both with `*` behind it for a list."""

SHAPES: Final[Mapping[str, Mapping[str, Kind]]] = {
    "request": {
        "contents": "content*",
        "systemInstruction": "content",
        "tools": "tool*",
        "toolConfig": "toolConfig",
        "generationConfig": "generationConfig",
        "safetySettings": "safetySetting*",
        "cachedContent": "string",
        "serviceTier": "string",
    },
    "content": {"role": "string", "parts": "part*"},
    "part": {
        "text": "string",
        "thought": "boolean",
        "thoughtSignature": "bytes",
        "inlineData": "inlineData",
        "fileData": "fileData",
        "functionCall": "functionCall",
        "functionResponse": "functionResponse",
        "executableCode": "executableCode",
        "codeExecutionResult": "codeExecutionResult",
        "toolCall": "toolCall",
        "toolResponse": "toolResponse",
        "mediaResolution": "mediaResolution",
        "videoMetadata": "object",
        "partMetadata": "object",
    },
    "inlineData": {"mimeType": "string", "data": "bytes"},
    "fileData": {"mimeType": "string", "fileUri": "string"},
    "functionCall": {"id": "string", "name": "string", "args": "object"},
    "functionResponse": {
        "id": "string",
        "name": "string",
        "response": "object",
        "parts": "responsePart*",
        "willContinue": "boolean",
        "scheduling": "string",
    },
    "responsePart": {"inlineData": "inlineData", "fileData": "fileData"},
    "executableCode": {"id": "string", "language": "string", "code": "string"},
    "codeExecutionResult": {"id": "string", "outcome": "string", "output": "string"},
    "toolCall": {"id": "string", "toolType": "string", "args": "object"},
    "toolResponse": {"id": "string", "toolType": "string", "response": "object"},
    "mediaResolution": {"level": "string", "numTokens": "integer"},
    "tool": {
        "functionDeclarations": "functionDeclaration*",
        "googleSearch": "googleSearch",
        "googleMaps": "object",
        "codeExecution": "codeExecution",
        "urlContext": "urlContext",
        "fileSearch": "fileSearch",
        "computerUse": "object",
        "mcpServers": "mcpServer*",
    },
    "functionDeclaration": {
        "name": "string",
        "description": "string",
        "parameters": "object",
        "parametersJsonSchema": "object",
        "response": "object",
        "responseJsonSchema": "object",
        "behavior": "string",
    },
    "googleSearch": {"searchTypes": "object", "timeRangeFilter": "object"},
    "codeExecution": {},
    "urlContext": {},
    "fileSearch": {"fileSearchStoreNames": "string*", "topK": "integer", "metadataFilter": "string"},
    "mcpServer": {"name": "string", "streamableHttpTransport": "object"},
    "toolConfig": {
        "functionCallingConfig": "functionCallingConfig",
        "retrievalConfig": "retrievalConfig",
        "includeServerSideToolInvocations": "boolean",
    },
    "functionCallingConfig": {"mode": "string", "allowedFunctionNames": "string*"},
    "retrievalConfig": {"latLng": "latLng", "languageCode": "string"},
    "latLng": {"latitude": "number", "longitude": "number"},
    "generationConfig": {
        "candidateCount": "integer",
        "frequencyPenalty": "number",
        "imageConfig": "object",
        "logprobs": "integer",
        "maxOutputTokens": "integer",
        "mediaResolution": "string",
        "presencePenalty": "number",
        "responseJsonSchema": "object",
        "responseLogprobs": "boolean",
        "responseMimeType": "string",
        "responseModalities": "string*",
        "responseSchema": "object",
        "seed": "integer",
        "speechConfig": "object",
        "stopSequences": "string*",
        "temperature": "number",
        "thinkingConfig": "thinkingConfig",
        "topK": "number",
        "topP": "number",
    },
    "thinkingConfig": {"includeThoughts": "boolean", "thinkingBudget": "integer", "thinkingLevel": "string"},
    "safetySetting": {"category": "string", "threshold": "string"},
}

_CAPITAL: Final = re.compile(r"(?<!^)([A-Z])")


def snake(name: str) -> str:
    """The name as Google writes it in its errors."""
    return _CAPITAL.sub(r"_\1", name).lower()


def faults(value: Any, kind: Kind = "request", path: str = "") -> Iterator[tuple[str, str, str]]:
    """What does not fit: (rule, path, the name that is unknown or the kind that is expected). Null counts as absent."""
    if kind.endswith("*"):
        if not isinstance(value, list):
            yield "wrong-kind", path, f"a list of {kind[:-1]}"
            return
        for index, entry in enumerate(value):
            yield from faults(entry, kind[:-1], f"{path}[{index}]")
    elif kind in SHAPES:
        if not isinstance(value, dict):
            yield "wrong-kind", path, kind
            return
        for name, entry in value.items():
            below = ".".join(part for part in (path, snake(name)) if part)
            if name not in SHAPES[kind]:
                yield "unknown-member", path, name
            elif entry is not None:
                yield from faults(entry, SHAPES[kind][name], below)
    elif not _is(value, kind):
        yield "wrong-kind", path, kind


def _is(value: object, kind: Kind) -> bool:
    if kind == "bytes":
        return isinstance(value, str) and _is_base64(value)
    if isinstance(value, bool):
        return kind == "boolean"
    kinds: Mapping[str, tuple[type, ...]] = {
        "string": (str,),
        "object": (dict,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (),
    }
    return isinstance(value, kinds[kind])


def _is_base64(text: str) -> bool:
    """Whether the text is base64, with either alphabet, padded or not, as JSON's mapping of bytes allows."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return False
    return True
