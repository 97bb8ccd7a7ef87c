"""Chat Completions of OpenAI and of the many servers that speak it after OpenAI's example.

`dialect` names what servers differ in, `dialects` has a row a server and `models.toml` what its models differ in;
`encode` translates the request, `decode` the answer, `errors` the error answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from providers.openai_chat.amend import amended
from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS, OPENAI, detected
from providers.openai_chat.encode import encode, format_obstacle
from providers.openai_chat.errors import error_in_answer, error_of_answer
from providers.openai_chat.families import bare, families
from providers.openai_chat.salvage import salvaged_call
from providers.openai_chat.tools import searches_the_web
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from proxy.responses.events import Event

__all__ = ["OpenAIChat", "OpenAIChatSettings"]

REMEMBERED_MODELS: Final = 512
"""Of how many models the row is kept: names come from clients."""


class OpenAIChatSettings(BaseModel):
    """One endpoint of the Chat Completions kind.

    `base_url` is everything before `/chat/completions`; None: the dialect's public address. `dialect` names the server
    (`auto`: by the host of `base_url`, else generic). `switches` change columns of the dialect, `families` those of the
    models whose names begin with the key. `extra_body` is merged into every request last, for members that Responses
    has no word for.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str | None = None
    api_key: Secret | None = None
    dialect: str = "auto"
    switches: dict[str, Any] = Field(default_factory=dict)
    families: dict[str, dict[str, Any]] = Field(default_factory=dict)
    organization: str | None = None
    project: str | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @field_validator("dialect")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != "auto" and value not in DIALECTS:
            raise ValueError(f"is none of: auto, {', '.join(sorted(DIALECTS))}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        families(self.chosen, self.switches, self.families)
        if not self.address:
            raise ValueError(f"base_url is required: the dialect {self.chosen.name!r} has no public address")
        return self

    @property
    def chosen(self) -> Dialect:
        """The row of the table that the settings lead to."""
        if self.dialect != "auto":
            return DIALECTS[self.dialect]
        return OPENAI if self.base_url is None else detected(self.base_url)

    @property
    def address(self) -> str:
        """Where requests go."""
        return self.base_url or self.chosen.base_url


class OpenAIChat(Provider):
    """An endpoint that speaks Chat Completions."""

    type = "openai_chat"
    Settings = OpenAIChatSettings

    def __init__(self, settings: OpenAIChatSettings, name: str = "openai_chat") -> None:
        self.settings = settings
        self.name = name
        self._families = families(settings.chosen, settings.switches, settings.families)
        self._dialects: dict[str, Dialect] = {}

    @property
    def base_url(self) -> str:
        """The configured base, else the dialect's."""
        return self.settings.address

    @property
    def price_catalogue(self) -> str | None:
        """The dialect's."""
        return self._families.find("").row.price_catalogue

    def dialect(self, model: str) -> Dialect:
        """The dialect as it is for the model."""
        known = self._dialects.get(model)
        if known is None:
            known = self._families.find(bare(model)).row
            if len(self._dialects) >= REMEMBERED_MODELS:
                self._dialects.clear()
            self._dialects[model] = known
        return known

    def capabilities(self, model: str) -> Capabilities:
        """The capabilities of the model's row. Reasoning comes back only to the very model that made it."""
        dialect = self.dialect(model)
        shipped = replace(
            dialect.capabilities,
            family=dialect.capabilities.family or model,
            image_urls=dialect.image_urls,
            file_urls=dialect.file_urls,
        )
        if dialect.sampling_while_reasoning or _may_rest(dialect):
            return shipped
        return replace(shipped, sampling=False, logprobs=False)

    def encode(self, prepared: Prepared) -> Call:
        """The Chat Completions request."""
        return encode(prepared, self._row(prepared), self.settings.extra_body)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the server does not hold the model to."""
        return format_obstacle(form, prepared, self._row(prepared))

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the streamed answer."""
        return self._decoder(prepared)

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer: the same reader, fed with one chunk."""
        return self._decoder(prepared).whole(body)

    def salvage(self, status: int, body: bytes, prepared: Prepared) -> list[Event] | None:
        """The tool call that the server made and refused itself, where its error answer holds it."""
        if not self._row(prepared).salvages_calls:
            return None
        return salvaged_call(status, body, _offered(prepared))

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What the server's error answer means."""
        return error_of_answer(status, headers, body, self._families.find("").row, self._key())

    def origin(self, model: str) -> Origin:
        """Reasoning comes back only to the same endpoint and account."""
        key = self.settings.api_key
        return Origin(self.type, self.base_url, key.fingerprint() if key is not None else "")

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key as a bearer token; nothing for servers that want none."""
        headers = {}
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        if self.settings.organization:
            headers["OpenAI-Organization"] = self.settings.organization
        if self.settings.project:
            headers["OpenAI-Project"] = self.settings.project
        return headers

    def credential_headers(self) -> Sequence[str]:
        """The header of the key, and those that name the account, as far as they are configured."""
        given = {
            "Authorization": self._key(),
            "OpenAI-Organization": self.settings.organization,
            "OpenAI-Project": self.settings.project,
        }
        return [name for name, value in given.items() if value]

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without the one member that the server does not take."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The ids of `GET /models`, whichever of the usual shapes the list has."""
        call = Call("/models", b"", method="GET")
        answer = await http.request("GET", self.base_url + call.path, headers=await self.authorize(call, http))
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            return _model_ids(orjson.loads(answer.body))
        except orjson.JSONDecodeError:
            raise self.error(502, answer.headers, answer.body) from None

    def _row(self, prepared: Prepared) -> Dialect:
        """The dialect of the request's model, or of the known one that it behaves like."""
        return self.dialect(prepared.capabilities.family or prepared.model)

    def _decoder(self, prepared: Prepared) -> ChatDecoder:
        dialect = self._row(prepared)
        offered = _offered(prepared) if dialect.salvages_calls else frozenset()
        error_of = partial(error_in_answer, dialect=dialect, secret=self._key())
        return ChatDecoder(dialect, error_of, offered, searches=searches_the_web(prepared))

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""


def _offered(prepared: Prepared) -> frozenset[str]:
    """The names of the functions that the model may call."""
    choice = prepared.tool_choice
    if choice.mode == "none":
        return frozenset()
    names = (tool.name for tool in prepared.tools)
    return frozenset(name for name in names if choice.allowed is None or name in choice.allowed)


def _may_rest(dialect: Dialect) -> bool:
    """Whether the model can be had without reasoning."""
    able = dialect.capabilities
    return not able.reasoning or not dialect.thinks or able.efforts is None or "none" in able.efforts


def _model_ids(value: object) -> list[str]:
    """The ids in `{data: [...]}`, `{models: [...]}` or a bare list, of objects or of strings."""
    entries = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    ids: dict[str, None] = {}
    for entry in entries if isinstance(entries, list) else ():
        found = (entry.get("id") or entry.get("name") or entry.get("model")) if isinstance(entry, dict) else entry
        if isinstance(found, str) and found:
            ids[found] = None
    return list(ids)
