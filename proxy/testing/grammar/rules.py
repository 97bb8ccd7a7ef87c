"""The rules a Responses object and its stream are held to, and the report that collects violations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# Every rule in the order of a stream's life; the section of the Responses reference stands in brackets.
RULES: Final[dict[str, str]] = {
    # framing of the body
    "utf8": "the body is UTF-8 [11.1]",
    "line-ending": "lines end with a single LF [11.1]",
    "frame-field": "a frame has the fields event and data only, each written `name: value` [11.1]",
    "frame-lines": "a frame is one event line followed by one data line [11.1]",
    "frame-unterminated": "every frame ends with an empty line [11.1]",
    "frame-json": "the data of a frame is one JSON object [11.1]",
    "event-name": "the event line repeats the type inside the data [11.1]",
    "done-form": "[DONE] stands in a frame of its own without an event line [11.1]",
    "done-missing": "the body ends with data: [DONE] [11.1, 14]",
    "done-last": "nothing follows [DONE] [11.1, 11.3]",
    # every event
    "event-type": "every event has a type [11.4]",
    "unknown-event": "the type of an event is in the table of events [11.4, 12]",
    "keepalive": "silence is bridged with SSE comments, not with keepalive events [11.6]",
    "sequence-missing": "every event has an integer sequence_number [11.2]",
    "sequence-gap": "sequence numbers count 0, 1, 2 without gap or repetition [11.2]",
    "member-missing": "an event has all members of its row in the table of events [11.4]",
    "member-type": "a member of an event has the JSON type of its row in the table of events [11.4]",
    "stray-error": "only the error event has a truthy top-level error [11.5]",
    # lifecycle
    "created-first": "the first event is response.created [11.3, 12]",
    "lifecycle-order": "created, then at most one queued, then in_progress, then items [11.3]",
    "lifecycle-status": "the status of the response fits the lifecycle event that carries it [7.1, 11.3]",
    "lifecycle-output": "output is an empty array before the first item [7, 12]",
    "lifecycle-constant": "id, created_at, model, tools, instructions, metadata and store never change [11.3]",
    "settings-constant": "every other repeated setting, except service_tier, never changes [8]",
    "error-form": "the error event has a nested error of type, code, message and param [11.5]",
    "error-flat": "the error event repeats code, message and param as flat members [11.5]",
    "error-without-failed": "the event after error is response.failed [11.5]",
    "terminal-missing": "a stream ends with a terminal event [11.3, 11.5]",
    "terminal-repeated": "a stream has one terminal event [11.3]",
    "after-terminal": "no event follows the terminal one [11.3]",
    "terminal-output": "output[i] of the terminal response equals output_item.done i [11.3]",
    # items of a stream
    "output-index": "output_index counts the items in order of appearance [11.3, 12]",
    "item-initial": "an added item is in progress and empty, with its arrays present [11.3, 11.4, 12]",
    "item-overlap": "one item is open at a time [11.3]",
    "item-not-open": "an event of an item comes between its added and its done [11.3, 12]",
    "item-id-mismatch": "events of an item carry the id it was added with [11.3, 12]",
    "item-identity": "output_item.done keeps type, id, call_id and name of the added item [12]",
    "item-unclosed": "every item is done before the terminal event, except a failed one [11.3]",
    "item-content": "output_item.done equals what was streamed for the item [11.3]",
    "event-item-type": "an event belongs to the type of its item [11.3]",
    # parts of an item
    "content-index": "content_index counts the content parts of an item [11.3]",
    "summary-index": "summary_index counts the summary parts of an item [11.3]",
    "command-index": "command_index counts the commands of a shell call [11.4]",
    "part-kind": "a part is of a type its item and its event know, and keeps it [11.3]",
    "part-initial": "an added part is empty, with annotations and logprobs present [11.4, 12]",
    "part-overlap": "one part of an item is open at a time [11.3]",
    "part-not-open": "an event of a part comes between its added and its done [11.3, 12]",
    "part-order": "deltas and annotations, then the text is done, then the part is done [11.3]",
    "part-unclosed": "every part is done before its item [11.3]",
    "part-content": "the part that is done equals the text that was done [11.3]",
    "reasoning-order": "summary parts come before content parts [11.3]",
    "text-done": "the text that is done equals the joined deltas [11.3]",
    "annotation-index": "annotation_index counts the annotations of a part [11.3]",
    "annotation-list": "the annotations of the part that is done are those that were added [11.3]",
    # calls and hosted tools
    "call-order": "argument deltas, then the arguments are done, once [11.3]",
    "call-done-missing": "the arguments of a call are done before its item [11.3]",
    "hosted-phase": "the phases of a hosted tool come in the order of its type [11.3]",
    "hosted-unfinished": "a completed hosted item has gone through its phases [11.3]",
    # the response object
    "response-field-missing": "a response has its identity, status, output, error, incomplete_details and usage [7]",
    "echo-missing": "a response repeats every setting [7]",
    "response-field-type": "a member of a response has its JSON type; numbers and arrays are never null [7]",
    "response-object": "object is `response` [7]",
    "response-id": "a response id begins with resp_ [5]",
    "response-extra": "output_text is computed by clients and not sent [7]",
    "response-status": "the status is a known one [7.1]",
    "status-error": "error is an object exactly when the response failed [7.1]",
    "status-incomplete-details": "incomplete_details is an object exactly when the response is incomplete [7.1]",
    "status-usage": "usage is null while running and an object once completed or incomplete [7.1]",
    "status-completed-at": "completed_at is set exactly when the response is completed [7.1]",
    "error-object": "error of a response has code and message [7.1]",
    "incomplete-reason": "incomplete_details has a known reason [7.1]",
    "usage-field": "usage has its three counts and their details, none negative [7.2]",
    "usage-cache-write": "input_tokens_details has cache_write_tokens [7.2]",
    "usage-total": "total_tokens is input_tokens plus output_tokens [7.2]",
    "usage-cached": "cached and cache write tokens are part of the input [7.2]",
    "usage-reasoning": "reasoning tokens are part of the output [7.2]",
    # output items
    "unknown-item": "the type of an item is in the table of output items [5]",
    "item-field-missing": "an item has the members of its type [5]",
    "item-field-type": "a member of an item has its JSON type [5]",
    "item-status": "the status of an item is one of its type [5]",
    "item-id-prefix": "an item id begins with the prefix of its type [5]",
    "item-id-reused": "item ids are unique [8]",
    "item-in-progress": "no item of a finished response is in progress [8]",
    "item-incomplete": "an incomplete item is the last one of a response that is not completed [8]",
    "call-id": "call_id has 1 to 64 characters [4, 5]",
    "call-id-reused": "call_ids are unique [8]",
    "call-arguments": "arguments of a completed function call are JSON text of an object [8]",
    "part-type": "a content part is of a type its item knows [5]",
    "part-field": "a content part has its text and its arrays [5, 12]",
    "annotation-field": "an annotation has the members of its type [5]",
    "annotation-span": "the indexes of an annotation lie within the text [5]",
}

# Where OpenAI's own traffic differs from the table above.
NATIVE_TOLERATED: Final[frozenset[str]] = frozenset(
    {
        "done-missing",  # sends nothing after the terminal event
        "unknown-event",  # ships new event types before its reference names them
        "unknown-item",
        "keepalive",
        "error-flat",  # sends the nested form only
        "echo-missing",  # older traffic lacks newer settings
        "usage-cache-write",  # absent before mid 2026
    }
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach: the rule's short stable name, where it happened, and what was found."""

    rule: str
    at: str
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.rule}: {self.message}"


@dataclass(slots=True)
class Report:
    """Collects violations in the order they are found."""

    violations: list[Violation] = field(default_factory=list)

    def add(self, rule: str, at: str, message: str) -> None:
        """Add a violation of a rule; a rule that is not in `RULES` is a mistake of the validator."""
        if rule not in RULES:
            raise KeyError(rule)
        self.violations.append(Violation(rule, at, message))

    def result(self, *, native: bool) -> list[Violation]:
        """Give the violations, without those that a native stream is allowed."""
        tolerated = NATIVE_TOLERATED if native else frozenset[str]()
        return [violation for violation in self.violations if violation.rule not in tolerated]
