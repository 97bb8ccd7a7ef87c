"""Chat Completions of OpenAI and of the many servers that speak it after OpenAI's example.

`dialects` holds what the servers differ in, `models` what OpenAI's model families differ in; `encode` translates the
request, `decode` the answer, `errors` the error answers.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

from providers.openai_chat.amend import amended
from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialects import DIALECTS, detected
from providers.openai_chat.encode import encode
from providers.openai_chat.errors import error_in_answer, error_of_answer
from providers.openai_chat.models import family_name, family_of
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from proxy.responses.events import Event

__all__ = ["OpenAIChat", "OpenAIChatSettings"]

OPENAI_BASE_URL: Final = "https://api.openai.com/v1"


class OpenAIChatSettings(BaseModel):
    """One endpoint of the Chat Completions kind.

    `base_url` is everything before `/chat/completions`. `dialect` names the server (`auto`: OpenAI's at OpenAI's own
    hosts, else generic). `extra_body` is merged into every request last, for members that Responses has no word for.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_url: str = OPENAI_BASE_URL
    api_key: Secret | None = None
    dialect: str = "auto"
    organization: str | None = None
    project: str | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("has to begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("dialect")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value != "auto" and value not in DIALECTS:
            raise ValueError(f"is none of: auto, {', '.join(sorted(DIALECTS))}")
        return value


class OpenAIChat(Provider):
    """An endpoint that speaks Chat Completions."""

    type = "openai_chat"
    Settings = OpenAIChatSettings
    environment_key = "OPENAI_API_KEY"

    def __init__(self, settings: OpenAIChatSettings, name: str = "openai_chat") -> None:
        self.settings = settings
        self.name = name
        self.dialect = detected(settings.base_url) if settings.dialect == "auto" else DIALECTS[settings.dialect]

    @property
    def base_url(self) -> str:
        """The configured base."""
        return self.settings.base_url

    def capabilities(self, model: str) -> Capabilities:
        """The dialect's capabilities, narrowed by what is known of the model's family."""
        shipped = self.dialect.capabilities
        family = family_of(model, self.dialect.families)
        if family is None:
            return replace(shipped, family=model)
        open_to_sampling = not family.reasons or not family.thinks or family.efforts is None or "none" in family.efforts
        return replace(
            shipped,
            family=family_name(model, self.dialect.families),
            audio="audio" in model,
            reasoning=family.reasons,
            efforts=family.efforts,
            sampling=open_to_sampling,
            logprobs=open_to_sampling,
            verbosity=family.verbosity,
        )

    def encode(self, prepared: Prepared) -> Call:
        """The Chat Completions request."""
        return encode(prepared, self.dialect, self.settings.extra_body)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the streamed answer."""
        return self._decoder()

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer: the same reader, fed with one chunk."""
        return self._decoder().whole(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What the server's error answer means."""
        return error_of_answer(status, headers, body, self.dialect, self._key())

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

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Conversion] | None:
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

    def _decoder(self) -> ChatDecoder:
        return ChatDecoder(self.dialect, partial(error_in_answer, dialect=self.dialect, secret=self._key()))

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""


def _model_ids(value: object) -> list[str]:
    """The ids in `{data: [...]}`, `{models: [...]}` or a bare list, of objects or of strings."""
    entries = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    ids: dict[str, None] = {}
    for entry in entries if isinstance(entries, list) else ():
        found = (entry.get("id") or entry.get("name") or entry.get("model")) if isinstance(entry, dict) else entry
        if isinstance(found, str) and found:
            ids[found] = None
    return list(ids)
