"""The conversation as a provider sees it: flat, fully resolved, in order.

The core guarantees: calls of one assistant step stand together and are followed at once by their results, each call
has exactly one result and each result its call; no part has an empty text and no message is without parts; arguments
are never blank; tool names are those that were offered to the vendor. A provider may rely on it and checks none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Part: TypeAlias = Mapping[str, object]
"""A content part in Responses form: input_text, input_image, input_file, input_audio, output_text or refusal."""

Role: TypeAlias = Literal["user", "assistant", "system", "developer"]


@dataclass(slots=True)
class MessageItem:
    """A message. `path` is its place in the request (`input[3]`), for conversions and refusals. `phase` is set only for
    models that take messages as they are."""

    role: Role
    parts: list[Part]
    path: str
    phase: str | None = None


@dataclass(slots=True)
class CallItem:
    """A tool call of the assistant. `arguments` is JSON text, at least `{}`; not always valid (a cut answer). `custom`:
    it is the plain text that a custom tool was given, for a model that has such tools itself. `native`: the item as the
    client sent it, for a vendor that takes it so; `call_id` counts, which the core may have changed."""

    call_id: str
    name: str
    arguments: str
    path: str
    custom: bool = False
    native: Mapping[str, object] | None = None


@dataclass(slots=True)
class ResultItem:
    """The result of a call. `output` is text (may be empty) or parts; `failed`: the client says the tool failed.
    `native`: the item as the client sent it, as that of a call; where `output` is parts, these count."""

    call_id: str
    name: str
    output: str | list[Part]
    failed: bool
    path: str
    native: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class OpenedProof:
    """A sealed proof that came back to its origin: what the decoder's `Proof` event carried.

    `text` is the exact reasoning text where the decoder asked to keep it (`verbatim`), else None.
    """

    kind: str
    payload: str
    binds: str
    text: str | None


@dataclass(slots=True)
class ReasoningItem:
    """The model's earlier reasoning. `summary` and `content` are its visible texts; `proof` is set only when the item
    comes back to the provider, account and model family that made it. A proof of kind `HOSTED_PROOF` holds the vendor's
    own blocks of a hosted tool's call and result, which stand at this very place."""

    summary: list[str]
    content: list[str]
    proof: OpenedProof | None
    path: str


HOSTED_PROOF = "hosted"
"""The kind of a proof that holds what a vendor needs to be sent again of a tool that it ran itself. Its decoder emits
it after the hosted item, with `binds="previous"`; the core then leaves the hosted item to it. For a vendor that takes
such items as they are (`native_items` of the model's capabilities), it is the client's item, as JSON."""


HistoryItem: TypeAlias = MessageItem | CallItem | ResultItem | ReasoningItem


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function as it is offered to the vendor. `parameters` is the client's own schema, None when it gave none;
    `strict` is None when the client did not say. `path` is the tool's place in the request (`tools[1]`). `deferred`:
    the vendor's own tool search brings it when it is wanted (only beside a hosted `tool_search`). `native`: the tool as
    the client sent it, for a vendor that takes it so."""

    name: str
    description: str | None
    parameters: Mapping[str, object] | None
    strict: bool | None
    path: str
    deferred: bool = False
    native: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class CustomTool:
    """A tool whose input is plain text, for a model that has such tools itself. `format` is the client's own (None: any
    text); `native` as a function's."""

    name: str
    description: str | None
    format: Mapping[str, object] | None
    path: str
    native: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class HostedTool:
    """A tool that the vendor runs itself, or one of the client's that it takes as it is. `type` is the plain name
    (`web_search` for every version of it), one of the model's `hosted_tools` or `native_tools`; `tool` is what the
    client sent."""

    type: str
    tool: Mapping[str, object]
    path: str


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """How the model may choose. `mode`: none, auto, required, `named` with the `name` of a function or custom tool, or
    `hosted` with the hosted tool that has to be used (and the `name` of an MCP server's tool, where one is named).

    `allowed` are the names of an `allowed_tools` subset (None: all); the core has already taken the other tools out for
    a model without native `allowed_tools`, and hosted tools that are not allowed for every model.
    """

    mode: Literal["none", "auto", "required", "named", "hosted"]
    name: str | None = None
    allowed: tuple[str, ...] | None = None
    hosted: HostedTool | None = None


AUTO = ToolChoice("auto")
