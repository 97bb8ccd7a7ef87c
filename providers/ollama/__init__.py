"""Ollama's own API, `/api/chat`: thinking, contexts and residency are told there alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import orjson

from providers.ollama.amend import amended
from providers.ollama.decode import OllamaDecoder, decode_answer
from providers.ollama.encode import encode, format_obstacle
from providers.ollama.errors import error_in_answer, error_of_answer
from providers.ollama.models import Model, bare, is_in_the_cloud, model_families
from providers.ollama.settings import OllamaSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Ollama", "OllamaSettings"]

MODELS_PATH: Final = "/api/tags"
REMEMBERED_MODELS: Final = 512


class Ollama(Provider):
    """An Ollama server, or Ollama's cloud."""

    type = "ollama"
    Settings = OllamaSettings

    def __init__(self, settings: OllamaSettings, name: str = "ollama") -> None:
        self.settings = settings
        self.name = name
        self._families = model_families(settings.families)
        self._model = lru_cache(REMEMBERED_MODELS)(self._found)

    @property
    def base_url(self) -> str:
        """The server's address, without `/api`."""
        return self.settings.base_url

    def capabilities(self, model: str) -> Capabilities:
        """The row of the model's family, with the context that requests ask for; in the cloud it is the model's own."""
        able = self._model(model).capabilities
        if is_in_the_cloud(model, self.base_url):
            return replace(able, family=able.family or model, json_schema=False)
        return replace(able, family=able.family or model, context_window=able.context_window or self.settings.num_ctx)

    def encode(self, prepared: Prepared) -> Call:
        """The call of `/api/chat`."""
        return encode(prepared, self.settings, self._of(prepared))

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the server does not hold the model to."""
        return format_obstacle(form, prepared, self.settings)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        return OllamaDecoder(partial(error_in_answer, secret=self._key()))

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return decode_answer(body, partial(error_in_answer, secret=self._key()))

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return error_of_answer(status, headers, body, self._key())

    def origin(self, model: str) -> Origin:
        """There are no proofs; what goes back as thinking is the text."""
        return Origin(self.type, self.base_url, "")

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key of the cloud as a bearer token; nothing for a server of one's own."""
        return {"Authorization": f"Bearer {key}"} if (key := self._key()) else {}

    def credential_headers(self) -> Sequence[str]:
        """The header of the key, where there is one."""
        return ("Authorization",) if self._key() else ()

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call with another wish to think, or none, for a model that cannot have this one."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The names of the models that the server has, `GET /api/tags`."""
        headers = await self.authorize(Call(MODELS_PATH, b"", method="GET"), http)
        answer = await http.request("GET", self.base_url + MODELS_PATH, headers=headers)
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            listed = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            listed = None
        entries = listed.get("models") if isinstance(listed, dict) else None
        if not isinstance(entries, list):
            raise ProviderError("vendor_failure", "The provider's list of models cannot be read.", vendor_status=200)
        names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
        return [name for name in names if isinstance(name, str) and name]

    def _found(self, model: str) -> Model:
        return self._families.find(bare(model)).row

    def _of(self, prepared: Prepared) -> Model:
        return self._model(prepared.capabilities.family or prepared.model)

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""
