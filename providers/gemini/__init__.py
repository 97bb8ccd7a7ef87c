"""Google's Gemini models (`generateContent`), by the Gemini API or on Vertex AI."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from urllib.parse import quote

import orjson

from providers.credentials import vertex_ai
from providers.gemini.access import credentials_of
from providers.gemini.address import MODELS_PATH, bare_name, model_of
from providers.gemini.amend import amended
from providers.gemini.count import counted_tokens, counting
from providers.gemini.decode import GeminiDecoder
from providers.gemini.encode import encode
from providers.gemini.errors import BASE_URL_HINT, error_in_answer, error_of_answer
from providers.gemini.models import Model, capabilities_of, model_families, model_named
from providers.gemini.server_tools import asks_for_images
from providers.gemini.settings import GeminiSettings
from providers.gemini.structured import answer_envelopes, format_obstacle, has_final_answer
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Http, HttpAnswer, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Gemini", "GeminiSettings"]

MAX_PAGES = 20
"""How many pages of models are read: 1,000 models each."""

MAX_NAMES = 256
"""How many models' rows are kept at hand: to find one takes 10 us."""


class Gemini(Provider):
    """One account of the Gemini API, one project on Vertex AI, or a host that speaks as they do."""

    type = "gemini"
    Settings = GeminiSettings
    environment_key = "GEMINI_API_KEY"

    def __init__(self, settings: GeminiSettings, name: str = "gemini") -> None:
        self.name = name
        self.settings = settings
        families = model_families(settings.families)
        self._model_named = lru_cache(MAX_NAMES)(partial(model_named, families=families))
        self._endpoint = settings.endpoint()
        self._credentials = credentials_of(settings)
        host = self._endpoint.host
        absent = host.absent_tools if settings.file_search_stores else host.absent_tools | {"file_search"}
        self._capabilities = lru_cache(MAX_NAMES)(
            partial(capabilities_of, families=families, absent=absent, image_urls=host.image_urls)
        )

    @property
    def base_url(self) -> str:
        """The configured base, or that of the location, with its version."""
        return self._endpoint.base_url

    @property
    def price_catalogue(self) -> str:
        """Google's prices."""
        return "google"

    def capabilities(self, model: str) -> Capabilities:
        """The row of the model's family; unknown models count as the newest."""
        return self._capabilities(model)

    def encode(self, prepared: Prepared) -> Call:
        """The call of `generateContent` or `streamGenerateContent`."""
        return encode(prepared, self._model(prepared), self.settings, self._endpoint)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the model has no mode for, alone or beside tools."""
        return format_obstacle(form, prepared, self._model(prepared))

    def decoder(self, prepared: Prepared) -> GeminiDecoder:
        """A reader for the streamed answer."""
        final_answer = has_final_answer(prepared, self._model(prepared))
        return GeminiDecoder(
            final_answer=final_answer,
            envelopes=answer_envelopes(prepared) if final_answer else frozenset(),
            images=asks_for_images(prepared),
            bills_queries=self._model(prepared).bills_queries,
            error_of=partial(error_in_answer, secret=self._key()),
        )

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return self.decoder(prepared).whole(body)

    def encode_count(self, prepared: Prepared) -> Call:
        """The call of `countTokens`."""
        return counting(self.encode(prepared), self._endpoint, prepared.model)

    def decode_count(self, body: bytes) -> int:
        """The total of `countTokens`."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return error_of_answer(status, headers, body, self._key())

    def origin(self, model: str) -> Origin:
        """Signatures are valid for the host, the project and the account that they were given to; the model is the
        family's business."""
        place = self.base_url if self._endpoint.host.name == "gemini" else self.base_url + self._endpoint.models
        return Origin(self.type, place, self._credentials.fingerprint())

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, or a token, as a header: in the URL it would stand in logs."""
        return await self._credentials.authorize(call, self.base_url + call.path)

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the token is another one now; a key is what it is."""
        return self._credentials.renew(status, headers, body)

    def credential_headers(self) -> Sequence[str]:
        """The header of the key or the token, where there is one."""
        return self._credentials.credential_headers()

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the vendor refused, where the answer says what that was."""
        return amended(call, error, self._model_named(model_of(call.path)))

    async def list_models(self, http: Http) -> list[str]:
        """The ids of the host's models, all pages, as far as they generate content."""
        if self._endpoint.host.name == "vertex":
            return await self._published(http)
        headers = await self.authorize(Call(MODELS_PATH, b"", method="GET"), http)
        names: dict[str, None] = {}
        path = MODELS_PATH
        for _ in range(MAX_PAGES):
            answer = await http.request("GET", self.base_url + path, headers=headers)
            if answer.status != 200:
                raise self.error(answer.status, answer.headers, answer.body)
            try:
                page = orjson.loads(answer.body)
            except orjson.JSONDecodeError:
                message = f"The provider's list of models is not JSON. {BASE_URL_HINT}"
                raise ProviderError("vendor_failure", message) from None
            page = page if isinstance(page, dict) else {}
            names |= dict.fromkeys(_generating(page.get("models")))
            following = page.get("nextPageToken")
            if not isinstance(following, str) or not following:
                break
            path = f"{MODELS_PATH}&pageToken={quote(following, safe='')}"
        return list(names)

    async def _published(self, http: Http) -> list[str]:
        async def get(url: str) -> HttpAnswer:
            call = Call(url.removeprefix(self.base_url), b"", method="GET")
            return await http.request("GET", url, headers=await self._credentials.authorize(call, url))

        def error(answer: HttpAnswer) -> ProviderError:
            return self.error(answer.status, answer.headers, answer.body)

        return await vertex_ai.listed_models(self.base_url, "google", get, error)

    def _model(self, prepared: Prepared) -> Model:
        return self._model_named(prepared.capabilities.family or prepared.model)

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""


def _generating(models: object) -> list[str]:
    """The ids of the models that `generateContent` serves."""
    found = []
    for model in models if isinstance(models, list) else ():
        name = model.get("name") if isinstance(model, dict) else None
        methods = model.get("supportedGenerationMethods") if isinstance(model, dict) else None
        if isinstance(name, str) and name and isinstance(methods, list) and "generateContent" in methods:
            found.append(bare_name(name))
    return found
