"""Short ways to build what the provider is handed, and to read what it makes of it.

Every body that is built here is held against the types of the vendor's SDK, which forbid unknown members.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from google.genai import types

from providers.gemini import Gemini, GeminiSettings
from proxy.provider.contract import Call, Prepared
from proxy.provider.history import (
    AUTO,
    CallItem,
    FunctionTool,
    HistoryItem,
    MessageItem,
    OpenedProof,
    Part,
    ReasoningItem,
    ResultItem,
    Role,
    ToolChoice,
)
from proxy.responses.request import CreateRequest

FLASH_3 = "gemini-3.8-flash"
FLASH_25 = "gemini-2.5-flash"
FLASH_20 = "gemini-2.0-flash"
GEMMA = "gemma-3-27b-it"

WEATHER = FunctionTool("wx", None, {"type": "object", "properties": {"city": {"type": "string"}}}, None, "tools[0]")
CLOCK = FunctionTool("clock", "Tells the time.", None, None, "tools[1]")

PIXEL = "iVBORw0KGgo="
PNG = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}

#: Signatures are base64 on the wire.
S1, S2, S3 = "czE=", "czI=", "czM="

BODY_MEMBERS = {
    "systemInstruction",
    "contents",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "serviceTier",
}


def text(value: str) -> dict[str, Any]:
    return {"type": "input_text", "text": value}


def user(*content: str | Part, role: Role = "user", path: str = "input[0]") -> MessageItem:
    return MessageItem(role, [text(part) if isinstance(part, str) else part for part in content], path)


def assistant(*content: str | Part, path: str = "input[1]") -> MessageItem:
    parts: list[Part] = [{"type": "output_text", "text": part} if isinstance(part, str) else part for part in content]
    return MessageItem("assistant", parts, path)


def developer(*content: str | Part, path: str = "input[2]") -> MessageItem:
    return user(*content, role="developer", path=path)


def call(call_id: str = "c1", arguments: str = '{"city":"Oslo"}', path: str = "input[1]") -> CallItem:
    return CallItem(call_id, "wx", arguments, path)


def result(
    output: str | list[Part] = "3 C", call_id: str = "c1", *, failed: bool = False, path: str = "input[2]"
) -> ResultItem:
    return ResultItem(call_id, "wx", output, failed, path)


def signed(kind: str, payload: str = S1, binds: str = "next", path: str = "input[9]") -> ReasoningItem:
    return ReasoningItem(["Hm"], [], OpenedProof(kind, payload, binds, None), path)


def image_in_result() -> ResultItem:
    return result([text("A picture"), PNG])


def prepared(
    *items: HistoryItem,
    model: str = FLASH_3,
    tools: Iterable[FunctionTool] = (),
    choice: ToolChoice = AUTO,
    stream: bool = False,
    provider: Gemini | None = None,
    **parameters: Any,
) -> Prepared:
    request = CreateRequest(model=model, input=[], given=frozenset(parameters), **parameters)
    capabilities = (provider or Gemini(GeminiSettings())).capabilities(model)
    return Prepared(model, request, list(items) or [user("Hello")], list(tools), choice, capabilities, stream)


def body_of(call: Call) -> Any:
    return orjson.loads(call.body)


def encoded(*items: HistoryItem, settings: GeminiSettings | None = None, **options: Any) -> tuple[Any, list[str]]:
    """The body, and the conversions as `disposition path` (with a star for contracts)."""
    provider = Gemini(settings or GeminiSettings())
    request = prepared(*items, provider=provider, **options)
    body = body_of(provider.encode(request))
    check(body)
    return body, losses(request)


def check(body: Any) -> None:
    """Fails for what the types of the vendor's SDK do not take."""
    assert body.keys() <= BODY_MEMBERS
    for content in body["contents"]:
        types.Content.model_validate(content)
        assert content["role"] in ("user", "model")
        assert content["parts"]
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    for name, kind in (
        ("systemInstruction", types.Content),
        ("toolConfig", types.ToolConfig),
        ("generationConfig", types.GenerationConfig),
    ):
        if name in body:
            kind.model_validate({member: value for member, value in body[name].items() if member != "imageConfig"})
    types.ImageConfig.model_validate(body.get("generationConfig", {}).get("imageConfig", {}))
    for setting in body.get("safetySettings", ()):
        types.SafetySetting.model_validate(setting)


def losses(request: Prepared) -> list[str]:
    return [f"{entry.disposition}{'*' * entry.contract} {entry.path}" for entry in request.conversions]


def generation(**options: Any) -> tuple[Any, list[str]]:
    body, lost = encoded(**options)
    return body.get("generationConfig", {}), lost


def contents_of(*items: HistoryItem, **options: Any) -> Any:
    return encoded(*items, **options)[0]["contents"]


def of_user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": _parts(parts)}


def of_model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": _parts(parts)}


def function_call(call_id: str = "c1", signature: str | None = None, args: Any = None) -> dict[str, Any]:
    part: dict[str, Any] = {
        "functionCall": {"id": call_id, "name": "wx", "args": {"city": "Oslo"} if args is None else args}
    }
    return part | ({"thoughtSignature": signature} if signature is not None else {})


def function_response(response: Any = None, call_id: str = "c1") -> dict[str, Any]:
    return {
        "functionResponse": {
            "id": call_id,
            "name": "wx",
            "response": {"output": "3 C"} if response is None else response,
        }
    }


def _parts(parts: Sequence[Any]) -> list[Any]:
    return [{"text": part} if isinstance(part, str) else part for part in parts]
