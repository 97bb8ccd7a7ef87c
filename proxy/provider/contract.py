"""The contract that a provider fulfils. A third-party provider has exactly this, and the same rights as ours."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, NamedTuple, Protocol, TypeAlias

from pydantic import BaseModel

from proxy.provider.capabilities import Capabilities
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.history import CustomTool, FunctionTool, HistoryItem, HostedTool, ToolChoice
from proxy.responses.events import Event
from proxy.responses.request import CreateRequest

Framing: TypeAlias = Literal["sse", "ndjson", "aws_event_stream"]
"""How a vendor cuts its stream into frames: server-sent events, a JSON value a line, or the binary frames of AWS."""

SettingsModel: TypeAlias = type[BaseModel]


CORE_PARAMETERS: Final = frozenset(
    {
        "access_programs",
        "background",
        "background_options",
        "context_management",
        "conversation",
        "given",
        "image",
        "input",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "previous_response_id",
        "prompt",
        "store",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""Attributes of a request that the exchange acts upon, declares, refuses, or hands over in `Prepared`. A provider maps
or declares every other one."""


@dataclass(slots=True)
class Prepared:
    """One request, resolved for one target: what `encode` translates.

    `model` is the vendor's model id. `request` holds the settings as the client sent them (temperature, text,
    reasoning, ...); items and tools come only through `items`, `tools` and `tool_choice`. `stream`: the client streams.
    `custom_tools` and `hosted_tools` hold only what the model's capabilities say it has itself; with hosted tools the
    provider maps or declares `max_tool_calls`, too. `conversions` is where a provider reports what it does not carry as
    it is. `emulated_format`: what the client gave as `text.format`, where the request has an instruction in its place.
    """

    model: str
    request: CreateRequest
    items: list[HistoryItem]
    tools: list[FunctionTool]
    tool_choice: ToolChoice
    capabilities: Capabilities
    stream: bool
    conversions: list[Conversion] = field(default_factory=list)
    custom_tools: list[CustomTool] = field(default_factory=list)
    hosted_tools: list[HostedTool] = field(default_factory=list)
    emulated_format: Mapping[str, object] | None = None


class Pause(NamedTuple):
    """A wait of `seconds` between two pieces of a canned answer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """An answer that needs no network: played by the upstream layer in place of a connection. `cut`: the connection
    breaks after the last piece."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes | Pause]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the vendor. `path` is joined to the provider's base URL by `Provider.url`; `body` is final JSON.

    `stream`: the answer is expected as a stream in the given framing. `canned` replaces the network.
    """

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    framing: Framing = "sse"
    method: str = "POST"
    canned: CannedAnswer | None = None


class Frame(NamedTuple):
    """One frame of a vendor's stream: the event's name ("" when absent) and its data.

    Of AWS event streams the name is that of `:event-type`; an exception's begins with `exception/`, an error's with
    `error/` (`exception/throttlingException`), and an error's data are its message as JSON, `{"message": ...}`.
    """

    event: str
    data: bytes


class Decoder(Protocol):
    """Reads one streamed answer. Synchronous, without I/O; one instance an upstream call.

    A decoder never raises for what the vendor sends: it answers with `Failed`.
    """

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame, in order."""
        ...

    def end(self) -> Sequence[Event]:
        """The body ended. What is still owed: `Finished`, or `Failed` (class `cut`) where the vendor's finish signal is
        missing. Nothing when one of them was given already."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a reasoning proof is valid: provider type, endpoint and account. Compared for equality."""

    provider: str
    endpoint: str
    account: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The small HTTP client that `authorize` and `list_models` are handed. Raises ProviderError (connect, timeout)."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        """Send one request and read the whole answer."""
        ...


class Provider(ABC):
    """One configured vendor endpoint.

    `type` is the name under which the plugin is registered; `Settings` the pydantic model of its entry in the
    configuration (unknown keys forbidden); `environment_key` the variable whose presence enables the provider without
    a file (None: never).
    """

    type: ClassVar[str]
    Settings: ClassVar[SettingsModel]
    environment_key: ClassVar[str | None] = None

    @abstractmethod
    def __init__(self, settings: BaseModel, name: str) -> None:
        """`settings` is an instance of `Settings`; `name` is what the operator calls this endpoint."""

    @property
    @abstractmethod
    def base_url(self) -> str:
        """The endpoint's base, without a trailing slash. `Call.path` is appended to it as it is."""

    @property
    def price_catalogue(self) -> str | None:
        """The vendor's id in the price catalogue, whose prices hold unless the catalogue knows the endpoint's address;
        None: nobody knows what the endpoint costs."""
        return None

    @abstractmethod
    def capabilities(self, model: str) -> Capabilities:
        """What the model can do, by the provider's shipped data. Unknown models count as the newest of their family."""

    @abstractmethod
    def encode(self, prepared: Prepared) -> Call:
        """Translate the request. Deterministic: equal requests give equal bytes. Appends to `prepared.conversions`.
        Raises `RefusedError` for what cannot be carried and must not be lost."""

    @abstractmethod
    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the streamed answer to this request."""

    @abstractmethod
    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole (not streamed) answer, ending in `Finished` or `Failed`."""

    @abstractmethod
    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What the vendor's error answer means. Never raises."""

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """Why the model cannot be held to a form of its answer, `text.format` of type json_schema or json_object; None
        when it can. Where it cannot, `encode` gets an instruction in the place of the format, and the answer is checked
        by the gateway."""
        able = prepared.capabilities
        if form["type"] == "json_schema":
            return None if able.json_schema else "the model holds to no JSON schema"
        return None if able.json_object else "the model has no JSON mode"

    def encode_count(self, prepared: Prepared) -> Call | None:
        """A call of the vendor's counter for the tokens of the request's input; None where it has none for the model.
        Deterministic, and raises RefusedError, as `encode`."""
        return None

    def decode_count(self, body: bytes) -> int:
        """The number of tokens in the counter's answer. Raises ValueError for what cannot be read."""
        raise ValueError("the provider has no counter")

    def salvage(self, status: int, body: bytes, prepared: Prepared) -> list[Event] | None:
        """The model's answer, where an error answer holds it, ending in `Finished`; None where it holds none."""
        return None

    def origin(self, model: str) -> Origin:
        """Where this provider's reasoning proofs are valid."""
        return Origin(self.type, self.base_url, "")

    def continuation(self, call: Call, decoder: Decoder) -> Call | None:
        """The call that goes on with an answer whose stream ended with the reason `pause`, for the very decoder that
        read it, which is made ready for the next frames; None: nothing goes on."""
        return None

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The headers that carry the credential of one call."""
        return {}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """The vendor refused a call with 400, 401 or 403: whether the credential was at fault and `authorize` gives
        another one now, with which the same call is sent once more."""
        return False

    def credential_headers(self) -> Sequence[str]:
        """The names of the headers that `authorize` gives, for those who are shown a call and not its credentials."""
        return ()

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """A changed call to try once after the vendor refused the first, and what the change lost; None: give up."""
        return None

    async def list_models(self, http: Http) -> list[str]:
        """The models that the endpoint offers. Raises ProviderError. Empty where it has no such list."""
        return []
