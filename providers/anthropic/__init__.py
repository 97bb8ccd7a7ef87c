"""Anthropic's Messages API (Claude), and hosts that imitate it."""

from collections.abc import Mapping, Sequence

from providers.anthropic.access import credentials_of
from providers.anthropic.amend import amended
from providers.anthropic.continuation import continued
from providers.anthropic.count import counted_tokens, counting
from providers.anthropic.decode import MessagesDecoder, decode_message
from providers.anthropic.encode import encode, format_obstacle
from providers.anthropic.errors import http_error
from providers.anthropic.invoke import unwrapped
from providers.anthropic.listing import listed_models
from providers.anthropic.models import Models
from providers.anthropic.property_names import Names, RestoredCalls, RestoringDecoder, names_of
from providers.anthropic.settings import AnthropicSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, HttpAnswer, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Anthropic", "AnthropicSettings"]


class Anthropic(Provider):
    """One account at Anthropic, or at another host of its models or of its API."""

    type = "anthropic"
    Settings = AnthropicSettings
    environment_key = "ANTHROPIC_API_KEY"

    def __init__(self, settings: AnthropicSettings, name: str = "anthropic") -> None:
        self.name = name
        self.settings = settings
        self._endpoint = settings.endpoint()
        self._models = Models(settings.families, self._endpoint.host)
        self._credentials = credentials_of(settings)

    @property
    def base_url(self) -> str:
        """The API's root: a configured `/v1` at the end is left out where the paths have it."""
        return self._endpoint.base_url

    @property
    def price_catalogue(self) -> str | None:
        """The host's prices."""
        return self._endpoint.host.price_catalogue

    def capabilities(self, model: str) -> Capabilities:
        """The row of the shipped table; unknown Claude models count as the newest."""
        return self._models.capabilities(model)

    def encode(self, prepared: Prepared) -> Call:
        """The call of `POST /v1/messages`, or of what the host has in its place; streamed also where a whole answer
        would take the vendor too long."""
        return encode(prepared, self.settings, self._models, self._endpoint)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the structured outputs of the vendor and the model do not take; there is no JSON mode."""
        return format_obstacle(form, prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        decoder = MessagesDecoder(
            signed=self._is_claude(prepared),
            hosted=bool(prepared.hosted_tools),
            unwrap=unwrapped if self._endpoint.host.framing == "aws_event_stream" else None,
        )
        names = self._property_names(prepared)
        return RestoringDecoder(decoder, names) if names else decoder

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole message."""
        events = decode_message(body, signed=self._is_claude(prepared), hosted=bool(prepared.hosted_tools))
        names = self._property_names(prepared)
        return RestoredCalls(names).apply(events) if names else events

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of the host's counter; hosts that imitate the API are not asked."""
        if not self._is_claude(prepared):
            return None
        return counting(self.encode(prepared), self._endpoint, prepared.model)

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return http_error(status, headers, body)

    def origin(self, model: str) -> Origin:
        """Thinking signatures go back to the host, the project and the account that they were given by."""
        place = self._endpoint.base_url + self._endpoint.prefix
        return Origin(self.type, place, self._credentials.fingerprint())

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, a token of the host's cloud, or the signature of the call."""
        return await self._credentials.authorize(call, self.base_url + call.path)

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the token or the keys are other ones now; a key is what it is."""
        return self._credentials.renew(status, headers, body)

    def credential_headers(self) -> Sequence[str]:
        """The headers of the key, the token or the signature, where there are any."""
        return self._credentials.credential_headers()

    def continuation(self, call: Call, decoder: Decoder) -> Call | None:
        """The call with the answer so far at its end."""
        reading = decoder.inner if isinstance(decoder, RestoringDecoder) else decoder
        return continued(call, reading) if isinstance(reading, MessagesDecoder) else None

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the vendor refused, where the answer says what that was."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The ids of the host's list of models; none where it has none."""

        async def get(url: str, headers: Mapping[str, str]) -> HttpAnswer:
            call = Call(url.removeprefix(self.base_url), b"", headers, method="GET")
            credentials = await self._credentials.authorize(call, url)
            return await http.request("GET", url, headers={**headers, **credentials})

        return await listed_models(self.settings, self._endpoint, get)

    def _property_names(self, prepared: Prepared) -> Mapping[str, Names]:
        return names_of(prepared.tools) if self._is_claude(prepared) else {}

    def _is_claude(self, prepared: Prepared) -> bool:
        return self._models.named(prepared.capabilities.family or prepared.model).claude
