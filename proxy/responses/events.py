"""Neutral events: what any vendor's answer is decoded into, and what the assembler is fed with.

A decoder knows its vendor and these values; it knows nothing of item ids, output indexes, sequence numbers or the
order in which a Responses stream opens and closes things. `key` is the vendor's own name for a block (a content
block's index, a tool call's index, a constant for "the text"), so a decoder may interleave blocks freely.

The classes are slotted and compared by value. They are not frozen: a frozen dataclass costs 0.16 us more a token, and
nothing in the house changes an event after it was made.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from proxy.responses.errors import ResponsesError

Key: TypeAlias = int | str

FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "pause", "max_messages", "steered", "unknown"]
"""Why one upstream call ended. `stop` covers natural ends, stop sequences and tool calls; `length` the output limit or
a full context window; `content_filter` any safety stop; `pause` a turn that the vendor wants continued by another
call; `max_messages` and `steered` are said by OpenAI alone; `unknown` a reason that is not in the vendor's table (the
answer counts as complete if there is any output)."""

Binding: TypeAlias = Literal["self", "next", "previous", "turn_end"]
HostedPhase: TypeAlias = Literal["in_progress", "searching", "interpreting", "generating", "completed", "failed"]


@dataclass(slots=True)
class Started:
    """The vendor began to answer: its own id and model name (for the log), and the service tier used."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None


@dataclass(slots=True)
class Text:
    """Visible text. The same key goes on with the same content part; a new key begins a new part of the message."""

    key: Key
    delta: str
    logprobs: list[dict[str, object]] | None = None


@dataclass(slots=True)
class Annotation:
    """A citation of the text part `key`, already in Responses form, its indexes counting characters of that part."""

    key: Key
    annotation: dict[str, object]


@dataclass(slots=True)
class Refusal:
    """Text that the model gave in its own refusal channel."""

    key: Key
    delta: str


@dataclass(slots=True)
class Reasoning:
    """Thinking text. `raw` is the model's own chain (shown as `content`), else a summary. A new key is a new item."""

    key: Key
    delta: str
    raw: bool = False


@dataclass(slots=True)
class Proof:
    """The vendor's opaque proof of its reasoning, to be sealed into `encrypted_content` and given back on replay.

    `binds` says to what the payload belongs: the reasoning `key` itself, the item that follows, the item before, or
    the end of the turn. `verbatim` keeps the exact reasoning text inside the seal, for vendors that verify it.
    """

    key: Key
    kind: str
    payload: str
    binds: Binding = "self"
    verbatim: bool = False


@dataclass(slots=True)
class CallOpened:
    """The model began a tool call. `name` is the name that was offered to the vendor. Without a usable `call_id` the
    assembler makes one. `custom`: a custom tool of the vendor's own, whose arguments are plain text.

    Of a vendor that speaks Responses: the item's own `id`, the `namespace` where it knows such, and other `members`."""

    key: Key
    name: str
    call_id: str | None = None
    custom: bool = False
    id: str | None = None
    namespace: str | None = None
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class CallArguments:
    """A piece of a call's arguments: JSON text, or a custom tool's plain text."""

    key: Key
    delta: str


@dataclass(slots=True)
class CallClosed:
    """The call is complete."""

    key: Key


@dataclass(slots=True)
class Hosted:
    """A step of a tool that the vendor runs itself. `kind` is the item type (`web_search_call`, ...), `fields` are the
    item's members known at this step, in Responses form; later steps add to them."""

    key: Key
    kind: str
    phase: HostedPhase
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Opened:
    """An item begins at a vendor that speaks Responses itself; `item` is its first form. What has its key, or its key
    with `/` and a part's name behind it, goes on with it until it is closed: texts, annotations, its proof, events.
    Functions and custom tools are calls as everywhere."""

    key: str
    item: Mapping[str, object]


@dataclass(slots=True)
class Closed:
    """The item is done; `item` is its final form. Its texts and its proof count as they were told before."""

    key: str
    item: Mapping[str, object]


EVENT_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,100}")
"""The names that a vendor's event may have: any other could end the line that it is written into."""


@dataclass(slots=True)
class Verbatim:
    """An event of a vendor that speaks Responses, for which there is no other neutral event, inside the item of the key
    or (None) of the response. `name`, an `EVENT_NAME`, is its type without `response.`; `members` are the others but
    the sequence number; `item_id` and `output_index` among them become ours."""

    key: str | None
    name: str
    members: Mapping[str, object]


@dataclass(slots=True)
class Members:
    """Members of a Responses vendor's response object that ours has as they are."""

    members: Mapping[str, object]


@dataclass(slots=True)
class Usage:
    """Token counts of one upstream call under the invariants of `proxy.responses.usage`: input includes what was read
    from and written to the vendor's cache, output includes reasoning. None: not said here; the earlier number stays.

    What has a price of its own is said beside them: the tokens of sound within the input, within what was read from the
    cache and within the output, those of pictures within the output, and the web searches that the vendor ran."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    cached_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    web_searches: int | None = None


@dataclass(slots=True)
class Unmapped:
    """A part of the answer that has no Responses form and is left out: `element` is the vendor's name for it, out of
    the provider's own fixed set (log and metrics)."""

    element: str


@dataclass(slots=True)
class Finished:
    """One upstream call ended as the vendor meant it to. `detail` is the vendor's own word (log and metrics only)."""

    reason: FinishReason
    detail: str | None = None


@dataclass(slots=True)
class Failed:
    """One upstream call ended with an error, or was cut."""

    error: ResponsesError


Event: TypeAlias = (
    Started
    | Text
    | Annotation
    | Refusal
    | Reasoning
    | Proof
    | CallOpened
    | CallArguments
    | CallClosed
    | Hosted
    | Opened
    | Closed
    | Verbatim
    | Members
    | Usage
    | Unmapped
    | Finished
    | Failed
)

OUTPUT_EVENTS = frozenset(
    {
        Text,
        Annotation,
        Refusal,
        Reasoning,
        Proof,
        CallOpened,
        CallArguments,
        CallClosed,
        Hosted,
        Opened,
        Closed,
        Verbatim,
    }
)
"""The events that bear output: the first of them commits a stream (no HTTP error, retry or other target after it)."""
