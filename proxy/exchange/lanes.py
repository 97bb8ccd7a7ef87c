"""The WebSocket mode as values: what a client's message asks for, what a connection remembers, its events without a
response. No sockets."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from proxy.exchange.accept import parsed_create
from proxy.exchange.context import LocalResponse
from proxy.exchange.gateway import Gateway
from proxy.responses import errors
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError
from proxy.responses.request import CreateRequest
from proxy.responses.validation import found
from proxy.state.records import StoredItem

Lane: TypeAlias = str | None
"""A client's `stream_id`; None is the lane of messages without one."""

STREAM_ID: Final = r"^[A-Za-z0-9_.-]{1,256}$"
MESSAGE_TYPES: Final = ("response.create", "response.steer")
ENVELOPE: Final = ("type", "stream_id", "generate")
"""The members of `response.create` that are no parameters of a create request."""

MAX_REMEMBERED: Final = 64
"""How many lanes of a connection have their last response remembered; the oldest go first."""

_stream_id = re.compile(STREAM_ID[1:-1])


class MessageError(Exception):
    """A message that is answered with an error event of `lane`; `previous` is the response it wanted to continue."""

    def __init__(self, error: ResponsesError, lane: Lane = None, previous: str | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.lane = lane
        self.previous = previous


@dataclass(slots=True)
class CreateMessage:
    """A `response.create`. `previous` is the response that it wants to continue; `generate` is false for one that only
    prepares state."""

    body: bytes
    lane: Lane
    previous: str | None
    generate: bool
    _value: dict[str, object] | None

    def read(self, gateway: Gateway, body: bytes) -> CreateRequest:
        """The create request in the message. Raises ResponsesError (400)."""
        value, self._value = self._value, None
        if value is None:
            value = orjson.loads(body)
        assert isinstance(value, dict)
        for name in ENVELOPE:
            value.pop(name, None)
        if not self.generate and value.get("input") is None:
            value["input"] = []
        stream = value.get("stream")
        if stream is None or stream is False:
            value["stream"] = True
        request = parsed_create(gateway, value)
        if request.background:
            raise errors.unsupported_parameter(
                "background", "Background responses cannot be created over a WebSocket; use POST /v1/responses."
            )
        return request


@dataclass(frozen=True, slots=True)
class SteerMessage:
    """A `response.steer`: input for a response that is being made."""

    previous: str
    input: object


def read_message(data: bytes) -> CreateMessage | SteerMessage:
    """The message in a text frame. Raises MessageError, and UnicodeDecodeError for what is no text at all."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        data.decode()
        raise MessageError(
            errors.invalid_body(
                f"We could not parse the JSON of your message ({error.msg}, at character {error.pos}). Send one JSON "
                "object in each text frame."
            )
        ) from None
    if not isinstance(value, dict):
        raise MessageError(errors.invalid_body("Invalid message: expected a JSON object."))
    kind = value.get("type")
    lane = _lane(value)
    previous = value.get("previous_response_id")
    if not isinstance(previous, str):
        previous = None
    if kind is None:
        raise MessageError(errors.missing_parameter("type"), lane)
    if not isinstance(kind, str):
        raise MessageError(errors.invalid_type("type", "a string", found(kind, "type")), lane)
    if kind == "response.steer":
        return _steer(value, lane)
    if kind != "response.create":
        raise MessageError(errors.invalid_value("type", kind, MESSAGE_TYPES), lane)
    generate = value.get("generate")
    if generate is not None and not isinstance(generate, bool):
        raise MessageError(errors.invalid_type("generate", "a boolean", found(generate, "generate")), lane, previous)
    return CreateMessage(data, lane, previous, generate is not False, value)


def _lane(value: Mapping[str, object]) -> Lane:
    lane = value.get("stream_id")
    if lane is None:
        return None
    if not isinstance(lane, str):
        raise MessageError(errors.invalid_type("stream_id", "a string", found(lane, "stream_id")))
    if _stream_id.fullmatch(lane) is None:
        raise MessageError(errors.string_pattern_mismatch("stream_id", STREAM_ID))
    return lane


def _steer(value: Mapping[str, object], lane: Lane) -> SteerMessage:
    for name, kinds, expected in (
        ("previous_response_id", str, "a string"),
        ("input", str | list, "one of a string or an array of objects"),
    ):
        if value.get(name) is None:
            raise MessageError(errors.missing_parameter(name), lane)
        if not isinstance(value[name], kinds):
            raise MessageError(errors.invalid_type(name, expected, found(value[name], name)), lane)
    return SteerMessage(str(value["previous_response_id"]), value["input"])


# --- what a connection remembers --------------------------------------------------------------------------------------


class Memory:
    """The last response of each lane that is stored nowhere else, for every lane of the connection to continue."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes, of all items together."""
        self.responses: dict[str, LocalResponse] = {}
        self._limit = limit
        self._size = 0
        self._lanes: dict[Lane, tuple[str, int]] = {}

    def remember(self, lane: Lane, response_id: str, items: Iterable[StoredItem]) -> None:
        """Remember a response in place of the lane's earlier one; `items` is everything up to its end."""
        response = LocalResponse(list(items))
        size = sum(len(item.body) for item in response.items)
        self._drop(lane)
        if size > self._limit:
            return
        self._lanes[lane] = (response_id, size)
        self.responses[response_id] = response
        self._size += size
        while self._lanes and (len(self._lanes) > MAX_REMEMBERED or self._size > self._limit):
            self._drop(next(iter(self._lanes)))

    def forget(self, response_id: str | None) -> None:
        """Forget a response: its continuation failed."""
        if response_id in self.responses:
            for lane, (known, _) in list(self._lanes.items()):
                if known == response_id:
                    self._drop(lane)

    def _drop(self, lane: Lane) -> None:
        known = self._lanes.pop(lane, None)
        if known is not None:
            del self.responses[known[0]]
            self._size -= known[1]


# --- events -----------------------------------------------------------------------------------------------------------


def error_event(error: ResponsesError) -> Outgoing:
    """An error that belongs to no response: the connection goes on."""
    told: dict[str, object] = dict(errors.envelope(error)["error"])
    if error.headers:
        told["headers"] = dict(error.headers)
    return "error", orjson.dumps({"type": "error", "status": error.status, "error": told})


def steer_failed(message: SteerMessage) -> Outgoing:
    """The answer to every `response.steer`, with the input for the client to send otherwise."""
    return "response.steer.failed", orjson.dumps(
        {
            "type": "response.steer.failed",
            "sequence_number": 0,
            "error": {
                "type": "invalid_request_error",
                "code": "steering_not_supported",
                "message": "This gateway does not steer running responses. Send the input with the next request.",
            },
            "steer": {"previous_response_id": message.previous, "input": message.input},
        }
    )


def lane_member(lane: Lane) -> bytes:
    """What the end of an event's JSON is replaced by, for the event to name its lane; empty for the default lane."""
    return b"" if lane is None else b',"stream_id":"%b"}' % lane.encode()
