"""Everything that a configuration may say, with defaults. The keys are those of the file; `docs/configuration.md`
explains each."""

import ipaddress
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    InstanceOf,
    ModelWrapValidatorHandler,
    PlainValidator,
    PrivateAttr,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from config.quantities import Duration, Listen, ListenAddress, PositiveDuration, Size

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SEAL_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_FETCH_HOST = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<host>(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*))(?::(?P<port>[0-9]{1,5}))?"
)
_STORE = re.compile(r"memory://|sqlite:///.+|rediss?://.+|postgresql://.+")


@dataclass(frozen=True, slots=True, repr=False)
class KeyReference:
    """A key, written as text or as the file that holds it. Never shows itself."""

    text: str | None = None
    file: Path | None = None

    def reveal(self) -> str:
        """The key, read from its file each time. Raises OSError or UnicodeDecodeError when the file is not readable."""
        if self.file is None:
            return self.text or ""
        return self.file.read_text(encoding="utf-8").strip()

    def __repr__(self) -> str:
        return "KeyReference('***')" if self.file is None else f"KeyReference(file={str(self.file)!r})"


def _key_reference(value: object) -> KeyReference:
    match value:
        case KeyReference():
            reference = value
        case str():
            reference = KeyReference(text=value.strip())
        case {"file": str(file), **rest} if not rest:
            reference = KeyReference(file=Path(file))
        case int() | float():
            raise ValueError("expected text: put a key of digits in quotes")
        case _:
            raise ValueError("expected text, ${VARIABLE} or {file: PATH}")
    try:
        revealed = reference.reveal()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ValueError(f"cannot read {reference.file}: {reason}") from None
    if not revealed:
        raise ValueError("is empty")
    return reference


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("expected a name of at most 64 letters, digits, '.', '_' and '-'")
    return value


def _seal_key_id(value: str) -> str:
    if not _SEAL_KEY_ID.fullmatch(value):
        raise ValueError("expected at most 32 letters, digits, '_' and '-'")
    return value


def _model_name(value: str) -> str:
    if not value.strip() or "*" in value:
        raise ValueError("expected a model name without '*'")
    return value


def _pattern(value: str) -> str:
    if not value.strip() or value.count("*") > 1:
        raise ValueError("expected a name with at most one '*'")
    return value


def _target_name(value: str) -> str:
    provider, slash, model = value.partition("/")
    if not (provider and slash and model) or "*" in provider or model.count("*") > 1:
        raise ValueError("expected PROVIDER/MODEL, with at most one '*' in the model")
    return value


def _store(value: str) -> str:
    if not _STORE.fullmatch(value):
        raise ValueError("expected memory://, sqlite:///FILE, redis://... or postgresql://...")
    return value


def _fetch_host(value: str) -> str:
    name = value.strip().lower()
    match = _FETCH_HOST.fullmatch(name)
    try:
        if match is None or not 0 < int(match["port"] or 1) < 65_536:
            raise ValueError
        if match["ipv6"] or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", match["host"].rpartition(".")[2]):
            ipaddress.ip_address(match["ipv6"] or match["host"])
    except ValueError:
        raise ValueError("expected HOST, HOST:PORT or *.DOMAIN, without a scheme and a path") from None
    return name


def _version(value: object) -> object:
    # people write 2 and mean "2"; what 1.10 means only they know
    if isinstance(value, bool | float):
        raise ValueError("expected text: put a version such as 1.10 in quotes")
    return str(value) if isinstance(value, int) else value


def _number(value: object) -> object:
    # pydantic would read true as 1
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return value


def _decimals(value: Decimal, most: int) -> Decimal:
    # costs are whole numbers of 10**-12 USD
    if value != round(value, most):
        raise ValueError(f"expected a number of at most {most} decimals")
    return value


def _different(tiers: "tuple[PriceTier, ...]") -> "tuple[PriceTier, ...]":
    if len({tier.above_input for tier in tiers}) < len(tiers):
        raise ValueError("expected tiers of different above_input")
    return tiers


Name: TypeAlias = Annotated[str, AfterValidator(_name)]
SealKeyId: TypeAlias = Annotated[str, AfterValidator(_seal_key_id)]
ModelName: TypeAlias = Annotated[str, AfterValidator(_model_name)]
Pattern: TypeAlias = Annotated[str, AfterValidator(_pattern)]
TargetName: TypeAlias = Annotated[str, AfterValidator(_target_name)]
StoreUrl: TypeAlias = Annotated[str, AfterValidator(_store)]
FetchHost: TypeAlias = Annotated[str, AfterValidator(_fetch_host)]
Version: TypeAlias = Annotated[Name, BeforeValidator(_version)]
Key: TypeAlias = Annotated[KeyReference, PlainValidator(_key_reference)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=10**12), BeforeValidator(_number)]
PositiveCount: TypeAlias = Annotated[int, Field(ge=1, le=10**12), BeforeValidator(_number)]
PerMinute: TypeAlias = Annotated[int, Field(ge=1, le=10**9), BeforeValidator(_number)]
Weight: TypeAlias = Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False), BeforeValidator(_number)]
BudgetDollars: TypeAlias = Annotated[
    Decimal, Field(ge=0, le=10**6, decimal_places=12, allow_inf_nan=False), BeforeValidator(_number)
]
BudgetPeriod: TypeAlias = Literal["day", "month", "total"]
Dollars: TypeAlias = Annotated[Decimal, Field(ge=0, le=10**9, allow_inf_nan=False), BeforeValidator(_number)]
TokenPrice: TypeAlias = Annotated[Dollars, AfterValidator(partial(_decimals, most=6))]
EachPrice: TypeAlias = Annotated[Dollars, AfterValidator(partial(_decimals, most=12))]


class Entry(BaseModel):
    """A mapping of the file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rates(Entry):
    """What tokens cost, in USD per million (`request`, `web_search`: USD each). None: not written."""

    input: TokenPrice | None = None
    output: TokenPrice | None = None
    cache_read: TokenPrice | None = None
    cache_write_5m: TokenPrice | None = None
    cache_write_1h: TokenPrice | None = None
    reasoning: TokenPrice | None = None
    input_audio: TokenPrice | None = None
    output_audio: TokenPrice | None = None
    output_image: TokenPrice | None = None
    request: EachPrice | None = None
    web_search: EachPrice | None = None


class PriceTier(Rates):
    """The rates of calls with strictly more than `above_input` input tokens (fresh, read and written)."""

    above_input: Count


class ServiceTierPrice(Rates):
    """The rates of one service tier."""

    tiers: Annotated[tuple[PriceTier, ...], AfterValidator(_different)] = ()


class Price(ServiceTierPrice):
    """The whole price of a model."""

    input: TokenPrice
    output: TokenPrice
    service_tiers: Mapping[str, ServiceTierPrice] = Field(default_factory=dict)
    source: str | None = Field(default=None, alias="from")


class CapabilityChanges(Entry):
    """What an operator may say about a model's abilities. The names are those of the providers' own data."""

    family: str | None = None
    images: bool | None = None
    files: bool | None = None
    image_urls: bool | None = None
    file_urls: bool | None = None
    audio: bool | None = None
    tools: bool | None = None
    allowed_tools: bool | None = None
    custom_tools: bool | None = None
    hosted_tools: tuple[str, ...] | None = None
    hosted_with_functions: bool | None = None
    native_items: tuple[str, ...] | None = None
    native_tools: tuple[str, ...] | None = None
    native_parameters: tuple[str, ...] | None = None
    forced_tool_choice: bool | None = None
    tool_name_limit: PositiveCount | None = None
    tool_name_starts_with_letter: bool | None = None
    json_schema: bool | None = None
    json_object: bool | None = None
    reasoning: bool | None = None
    efforts: tuple[str, ...] | None = None
    sampling: bool | None = None
    logprobs: bool | None = None
    verbosity: bool | None = None
    context_window: PositiveCount | None = None
    max_output_tokens: PositiveCount | None = None


@dataclass(frozen=True, slots=True)
class MappingOf:
    """Validates by a model and keeps a plain mapping of what was written."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def written(value: BaseModel) -> dict[str, object]:
            return {
                name: list(item) if isinstance(item, tuple) else item
                for name, item in value.model_dump(exclude_unset=True, exclude_none=True).items()
            }

        return core_schema.no_info_after_validator_function(written, handler(self.model))


class ModelEntry(Entry):
    """What the operator knows about one model of a provider."""

    price: Price | None = None
    capabilities: Annotated[Mapping[str, object], MappingOf(CapabilityChanges)] = Field(default_factory=dict)
    base_model: str | None = None


class Timeout(Entry):
    """How long an upstream call may take, in seconds: to connect, to the first byte, between bytes, and in all."""

    connect: PositiveDuration = 5.0
    first_byte: PositiveDuration = 60.0
    idle: PositiveDuration = 120.0
    total: PositiveDuration = 1800.0


def _try_file(name: str, file: Path, otherwise: str, use: Callable[[ssl.SSLContext, Path], None]) -> None:
    try:
        use(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file)
    except ssl.SSLError:
        raise ValueError(f"cannot use {name} ({file}): {otherwise}") from None
    except OSError as error:
        raise ValueError(f"cannot use {name} ({file}): {error.strerror or error}") from None


class Tls(Entry):
    """Files for connections to a provider: authorities that are trusted beside the system's (`ca`), and the certificate
    and the key with which the gateway shows itself (`key`: where it is not in the file of `cert`)."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _usable(self) -> "Tls":
        if self.key is not None and self.cert is None:
            raise ValueError("expected `cert` beside `key`")
        if self.ca is not None:
            _try_file(
                "ca", self.ca, "it holds no certificates", lambda context, file: context.load_verify_locations(file)
            )
        if self.cert is not None:
            key = self.key
            _try_file(
                "cert",
                self.cert,
                "it is no certificate with its key",
                lambda context, file: context.load_cert_chain(file, key, password=lambda: b""),
            )
        return self


class Breaker(Entry):
    """A target that failed `failures` times in a row (0: never mind) is left alone for `pause`."""

    failures: Count = 5
    pause: PositiveDuration = 30.0


class ProviderEntry(Entry):
    """One configured provider. `options` are the keys that belong to its type, validated by the type's own settings;
    `list_models`: what it offers is listed for clients."""

    type: str
    timeout: Timeout = Timeout()
    tls: Tls = Tls()
    breaker: Breaker = Breaker()
    concurrency: PositiveCount = 200
    list_models: bool = True
    models: Mapping[ModelName, ModelEntry] = Field(default_factory=dict)
    options: InstanceOf[BaseModel]


class TargetEntry(Entry):
    """One target, `provider/model`. `weight` is None where targets are only in order of preference."""

    model: TargetName
    weight: Weight | None = None


def _some(targets: tuple[TargetEntry, ...]) -> tuple[TargetEntry, ...]:
    if not targets:
        raise ValueError("expected at least one target")
    if all(target.weight == 0 for target in targets):
        raise ValueError("expected a weight above zero")
    return targets


class AliasEntry(Entry):
    """The targets of an alias, in order of preference. Written as a target, a list of them, or {targets: [...]}."""

    targets: Annotated[tuple[TargetEntry, ...], AfterValidator(_some)]

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, written: object) -> object:
        match written:
            case str():
                return {"targets": [{"model": written}]}
            case list():
                return {"targets": [{"model": item} if isinstance(item, str) else item for item in written]}
            case dict() if isinstance(items := written.get("targets"), list):
                weighted = [
                    {"model": item, "weight": 1}
                    if isinstance(item, str)
                    else ({"weight": 1} | item if isinstance(item, dict) else item)
                    for item in items
                ]
                return {**written, "targets": weighted}
        return written


class Budget(Entry):
    """The USD that a client may spend in a day, a month (UTC) or at all."""

    usd: BudgetDollars
    per: BudgetPeriod


def _list_of_budgets(written: object) -> object:
    match written:
        case None:
            return ()
        case dict() | Budget():
            return (written,)
    return written


def _each_period_once(budgets: tuple[Budget, ...]) -> tuple[Budget, ...]:
    if len({budget.per for budget in budgets}) < len(budgets):
        raise ValueError("expected at most one budget per day, one per month and one in total")
    return budgets


Budgets: TypeAlias = Annotated[tuple[Budget, ...], BeforeValidator(_list_of_budgets), AfterValidator(_each_period_once)]


class ClientLimits(Entry):
    """How much a client may ask for. `default_output_tokens` are set aside for a request that names no
    `max_output_tokens`."""

    requests_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = None
    concurrent_streams: PositiveCount | None = None
    default_output_tokens: PositiveCount = 4096


class ClientEntry(Entry):
    """An application that may call, known by its key. `models` are names or patterns with one `*`; `strict`: its
    requests are refused instead of losing anything. `budget` is written as one or as a list."""

    name: Name
    key: Key
    models: tuple[Pattern, ...] = ("*",)
    strict: bool = False
    budget: Budgets = ()
    limits: ClientLimits = ClientLimits()


class SealKey(Entry):
    """A key that seals reasoning proofs; `id` travels with them."""

    id: SealKeyId
    key: Key


class Metrics(Entry):
    """Where metrics and health are served besides the main port. None: only there."""

    listen: Listen | None = None


class Admin(Entry):
    """Where the administration is served, and its key."""

    listen: Listen | None = None
    key: Key | None = None


class Fetch(Entry):
    """Whether the gateway fetches what requests refer to by URL, for vendors that need the bytes: nothing, from the
    hosts of `allow`, or from all public addresses. `max_bytes` of one file, `timeout` for all of one fetch."""

    mode: Literal["off", "allow", "public"] = "off"
    allow: tuple[FetchHost, ...] = ()
    max_bytes: Size = 20 * 1024**2
    timeout: PositiveDuration = 10.0
    max_redirects: Annotated[int, Field(ge=0, le=20), BeforeValidator(_number)] = 3

    @model_validator(mode="before")
    @classmethod
    def _mode_of_allow(cls, written: object) -> object:
        if isinstance(written, dict) and "allow" in written and "mode" not in written:
            return {**written, "mode": "allow"}
        return written

    @model_validator(mode="after")
    def _agrees(self) -> "Fetch":
        if (self.mode == "allow") != bool(self.allow):
            raise ValueError("expected {mode: off}, {mode: public} or {allow: [HOST, ...]}")
        return self


def _some_version(versions: Mapping[str, Mapping[str, object]]) -> Mapping[str, Mapping[str, object]]:
    if not versions:
        raise ValueError("expected at least one version")
    return versions


class PromptEntry(Entry):
    """A prompt template: its versions in the order in which they were written, each with parameters of a request.
    `version` is that of requests that name none (None: the last). Without `versions` the entry is the only one, "1"."""

    version: Version | None = None
    versions: Annotated[Mapping[Version, Mapping[str, object]], AfterValidator(_some_version)]

    _short: bool = PrivateAttr(default=False)

    @model_validator(mode="wrap")
    @classmethod
    def _normalise(cls, written: object, handler: ModelWrapValidatorHandler["PromptEntry"]) -> "PromptEntry":
        if not isinstance(written, dict) or "versions" in written:
            return handler(written)
        entry = handler({"versions": {"1": written}})
        entry._short = True
        return entry

    @property
    def default_version(self) -> str:
        """The version of requests that name none."""
        return self.version if self.version is not None else list(self.versions)[-1]

    def location(self, version: str) -> tuple[str, ...]:
        """Where the version is written, below the entry."""
        return () if self._short else ("versions", version)


class Compaction(Entry):
    """How histories are compacted: the model that writes the summaries (None: the one that was asked for), and what it
    is told (None: the gateway's own instructions)."""

    model: str | None = None
    instructions: Annotated[str, Field(min_length=1)] | None = None


class OnDisconnect(Entry):
    """What happens when a client leaves: the upstream is read on for `drain` seconds, for its usage."""

    drain: Duration = 1.0


class Retry(Entry):
    """How often a request is sent before any output, the first time included."""

    attempts: Annotated[int, Field(ge=1, le=10), BeforeValidator(_number)] = 2


class Limits(Entry):
    """What the process takes on: bytes of a request body, requests at work, requests that wait for one provider, bytes
    of the history that a request continues, bytes of all that is stored (None: 256 MiB in memory, no limit elsewhere),
    connections; how long a request may take to arrive, and a client to take what is sent."""

    body: Size = 32 * 1024**2
    concurrency: PositiveCount = 2000
    connections: PositiveCount = 10_000
    request_read: PositiveDuration = 60.0
    client_stall: PositiveDuration = 30.0
    queue: Count = 200
    history: Size = 64 * 1024**2
    store: Size | None = None


@dataclass(frozen=True, slots=True)
class ProviderType:
    """What the configuration has to know about a provider plugin: the model of its options, and the environment
    variable whose presence enables it without a file (None: never)."""

    settings: type[BaseModel]
    environment_key: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings came from. `variables`: for each provider, the environment variables its values came from;
    `offered`: the variables that enable a provider without a file; `unread`: variables that are set and have no effect
    because there is a file; `incomplete`: variables that have none because others are missing, with those."""

    file: str | None = None
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    incomplete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Settings(Entry):
    """The whole configuration. Durations are in seconds, sizes in bytes."""

    listen: Listen = ListenAddress("127.0.0.1", 8080)
    auth: Literal["keys", "none"] = "keys"
    providers: Mapping[Name, ProviderEntry] = Field(default_factory=dict)
    models: Mapping[Pattern, AliasEntry] = Field(default_factory=dict)
    default_model: str | None = None
    models_cache: PositiveDuration = 3600.0
    codex: bool = False
    clients: tuple[ClientEntry, ...] = ()
    store: StoreUrl | None = Field(default=None, repr=False)
    retention: PositiveDuration = 30 * 86_400.0
    usage_retention: PositiveDuration = 90 * 86_400.0
    durability: Literal["process", "full"] = "process"
    seal_keys: tuple[SealKey, ...] = ()
    metrics: Metrics = Metrics()
    admin: Admin = Admin()
    strict: bool = False
    unknown_parameters: Literal["reject", "ignore"] = "reject"
    history: Literal["refuse", "repair"] = "refuse"
    unsupported_hosted_tools: Literal["drop", "reject"] = "drop"
    fetch: Fetch = Fetch()
    prompts: Mapping[Name, PromptEntry] = Field(default_factory=dict)
    compaction: Compaction = Compaction()
    stream_commit_after: Duration = 10.0
    heartbeat: PositiveDuration = 15.0
    grace: Duration = 30.0
    on_disconnect: OnDisconnect = OnDisconnect()
    retry: Retry = Retry()
    limits: Limits = Limits()
    unpriced: Literal["allow", "refuse"] = "allow"

    _source: Source = PrivateAttr(default=Source())

    def model_post_init(self, context: object) -> None:
        """Keep the source, which is handed over as the validation context."""
        if isinstance(context, Source):
            self._source = context

    @property
    def source(self) -> Source:
        """Where these settings came from."""
        return self._source
