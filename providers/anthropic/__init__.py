"""Anthropic's Messages API (Claude), and hosts that imitate it."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import orjson

from providers.anthropic.amend import amended
from providers.anthropic.continuation import continued
from providers.anthropic.count import counted_tokens, counting
from providers.anthropic.decode import MessagesDecoder, decode_message
from providers.anthropic.encode import VERSION, encode, format_obstacle
from providers.anthropic.errors import BASE_URL_HINT, http_error
from providers.anthropic.lenient import mapping, sequence, text
from providers.anthropic.models import Models
from providers.anthropic.property_names import Names, RestoredCalls, RestoringDecoder, names_of
from providers.anthropic.settings import AnthropicSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Anthropic", "AnthropicSettings"]

MAX_PAGES = 20
"""How many pages of models are read: 1,000 models each."""


class Anthropic(Provider):
    """One Anthropic account, or a host that speaks the Messages API."""

    type = "anthropic"
    Settings = AnthropicSettings
    environment_key = "ANTHROPIC_API_KEY"

    def __init__(self, settings: AnthropicSettings, name: str = "anthropic") -> None:
        self.name = name
        self.settings = settings
        self._models = Models(settings.families)
        self._base_url = settings.base_url.rstrip("/").removesuffix("/v1").rstrip("/")

    @property
    def base_url(self) -> str:
        """The API's root: `/v1/messages` is appended, so a configured `/v1` at the end is left out."""
        return self._base_url

    @property
    def price_catalogue(self) -> str:
        """Anthropic's prices."""
        return "anthropic"

    def capabilities(self, model: str) -> Capabilities:
        """The row of the shipped table; unknown Claude models count as the newest."""
        return self._models.capabilities(model)

    def encode(self, prepared: Prepared) -> Call:
        """The call of `POST /v1/messages`; streamed also where a whole answer would take the vendor too long."""
        return encode(prepared, self.settings, self._models)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the structured outputs of the vendor and the model do not take; there is no JSON mode."""
        return format_obstacle(form, prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        decoder = MessagesDecoder(signed=self._is_claude(prepared), hosted=bool(prepared.hosted_tools))
        names = self._property_names(prepared)
        return RestoringDecoder(decoder, names) if names else decoder

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole message."""
        events = decode_message(body, signed=self._is_claude(prepared), hosted=bool(prepared.hosted_tools))
        names = self._property_names(prepared)
        return RestoredCalls(names).apply(events) if names else events

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of `POST /v1/messages/count_tokens`; hosts that imitate the API are not asked."""
        return counting(self.encode(prepared)) if self._is_claude(prepared) else None

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return http_error(status, headers, body)

    def origin(self, model: str) -> Origin:
        """Thinking signatures are valid for the account that they were given to."""
        key = self.settings.api_key
        return Origin(self.type, self._base_url, key.fingerprint() if key is not None else "")

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, where one is configured."""
        key = self.settings.api_key
        return {"x-api-key": key.reveal()} if key is not None else {}

    def credential_headers(self) -> Sequence[str]:
        """The header of the key, where one is configured."""
        return ("x-api-key",) if self.settings.api_key is not None else ()

    def continuation(self, call: Call, decoder: Decoder) -> Call | None:
        """The call with the answer so far at its end."""
        reading = decoder.inner if isinstance(decoder, RestoringDecoder) else decoder
        return continued(call, reading) if isinstance(reading, MessagesDecoder) else None

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the vendor refused, where the answer says what that was."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The ids of `GET /v1/models`, all pages."""
        headers = {"anthropic-version": self.settings.api_version or VERSION}
        headers.update(await self.authorize(Call("/v1/models", b"", method="GET"), http))
        names: list[str] = []
        query = {"limit": "1000"}
        for _ in range(MAX_PAGES):
            answer = await http.request("GET", f"{self._base_url}/v1/models?{urlencode(query)}", headers=headers)
            if answer.status != 200:
                raise self.error(answer.status, answer.headers, answer.body)
            try:
                page = mapping(orjson.loads(answer.body))
            except orjson.JSONDecodeError:
                raise ProviderError(
                    "vendor_failure", f"The provider's list of models is not JSON. {BASE_URL_HINT}"
                ) from None
            ids = [text(mapping(model).get("id")) for model in sequence(page.get("data"))]
            names.extend(name for name in ids if name)
            last = text(page.get("last_id"))
            if page.get("has_more") is not True or not last:
                break
            query["after_id"] = last
        return names

    def _property_names(self, prepared: Prepared) -> Mapping[str, Names]:
        return names_of(prepared.tools) if self._is_claude(prepared) else {}

    def _is_claude(self, prepared: Prepared) -> bool:
        return self._models.named(prepared.capabilities.family or prepared.model).claude
