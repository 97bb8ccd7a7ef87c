"""Cohere's Chat API, version 2 (Command models)."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from providers.cohere.amend import amended
from providers.cohere.count import counted_tokens, counting
from providers.cohere.decode import ChatDecoder, decode_answer
from providers.cohere.encode import encode, format_obstacle
from providers.cohere.errors import BASE_URL_HINT, http_error
from providers.cohere.models import capabilities_of, model_families
from providers.cohere.reading import mapping, mappings, parsed, text
from providers.cohere.settings import CohereSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Cohere", "CohereSettings"]

MAX_PAGES = 20
"""How many pages of models are read: 1,000 models each."""


class Cohere(Provider):
    """One Cohere account, or a private deployment."""

    type = "cohere"
    Settings = CohereSettings
    environment_key = "CO_API_KEY"

    def __init__(self, settings: CohereSettings, name: str = "cohere") -> None:
        self.name = name
        self.settings = settings
        self._families = model_families(settings.families)
        self._base_url = settings.base_url.rstrip("/").removesuffix("/v2").rstrip("/")

    @property
    def base_url(self) -> str:
        """The API's root: `/v2/chat` is appended, so a configured `/v2` at the end is left out."""
        return self._base_url

    @property
    def price_catalogue(self) -> str:
        """Cohere's prices."""
        return "cohere"

    def capabilities(self, model: str) -> Capabilities:
        """The row of the shipped table; unknown models count as the newest."""
        return capabilities_of(model, self._families)

    def encode(self, prepared: Prepared) -> Call:
        """The call of `POST /v2/chat`."""
        return encode(prepared, self.settings, self._families.find(prepared.capabilities.family or prepared.model).row)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the vendor's structured answers do not take: tools, documents, and some schemas."""
        return format_obstacle(form, prepared, self.settings)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        return ChatDecoder(self.settings.tool_plan_as)

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return decode_answer(body, self.settings.tool_plan_as)

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of `POST /v1/tokenize`, for what it can count."""
        return counting(self.encode(prepared))

    def decode_count(self, body: bytes) -> int:
        """The number of tokens that the counter gives."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return http_error(status, headers, body)

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without the settings that the model does not have, where the answer names them."""
        return amended(call, error)

    def origin(self, model: str) -> Origin:
        """Thinking goes back to the account that it was given to."""
        key = self.settings.api_key
        return Origin(self.type, self._base_url, key.fingerprint() if key is not None else "")

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, where one is configured."""
        key = self.settings.api_key
        return {"authorization": f"Bearer {key.reveal()}"} if key is not None else {}

    def credential_headers(self) -> Sequence[str]:
        """The header of the key, where one is configured."""
        return ("authorization",) if self.settings.api_key is not None else ()

    async def list_models(self, http: Http) -> list[str]:
        """The names of `GET /v1/models` that chat, all pages."""
        headers = await self.authorize(Call("/v1/models", b"", method="GET"), http)
        names: list[str] = []
        query = {"endpoint": "chat", "page_size": "1000"}
        for _ in range(MAX_PAGES):
            answer = await http.request("GET", f"{self._base_url}/v1/models?{urlencode(query)}", headers=headers)
            if answer.status != 200:
                raise self.error(answer.status, answer.headers, answer.body)
            page = mapping(parsed(answer.body))
            if not isinstance(page.get("models"), list):
                raise ProviderError("vendor_failure", f"The provider's answer is no list of models. {BASE_URL_HINT}")
            names += [name for model in mappings(page["models"]) if (name := text(model.get("name")))]
            following = text(page.get("next_page_token"))
            if not following:
                break
            query["page_token"] = following
        return names
