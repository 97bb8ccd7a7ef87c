"""Mistral's models, at Mistral and where others serve them.

The vendor speaks Chat Completions in a way of its own, which is written down once: as the row `mistral` of the dialects
in `providers.openai_chat`. Encoder, decoder and errors are that package's. Here stands what is no matter of a dialect:
the hosts (`hosts`), who calls them (`access`), the options (`settings`, `options`), the vendor's list of models
(`models`) and its counter (`count`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from providers.mistral.access import credentials_of
from providers.mistral.count import counted_tokens, counting
from providers.mistral.hosts import predict_path
from providers.mistral.models import family_of, listed
from providers.mistral.options import options
from providers.mistral.rows import rows
from providers.mistral.settings import MistralSettings
from providers.openai_chat.amend import amended
from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.encode import encode, format_obstacle
from providers.openai_chat.errors import error_in_answer, error_of_answer
from providers.openai_chat.families import bare
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.families import changed
from proxy.responses.events import Event

__all__ = ["Mistral", "MistralSettings"]

_NEEDED = frozenset({"include", "top_logprobs"})
"""Paths of what is not given up to make the vendor take a request: no other model does better."""


class Mistral(Provider):
    """One account at Mistral, or one host of its models."""

    type = "mistral"
    Settings = MistralSettings
    environment_key = "MISTRAL_API_KEY"

    def __init__(self, settings: MistralSettings, name: str = "mistral") -> None:
        self.settings = settings
        self.name = name
        self._host = settings.place
        self._base_url = settings.address
        self._credentials = credentials_of(settings)
        self._families = rows(self._host, settings.families, file_ids=settings.file_ids)
        self._listed: dict[str, dict[str, Any]] = {}

    @property
    def base_url(self) -> str:
        """The configured base, else the vendor's or the project's."""
        return self._base_url

    @property
    def price_catalogue(self) -> str | None:
        """Mistral's own prices; what other hosts take is not known."""
        return self._host.price_catalogue

    def capabilities(self, model: str) -> Capabilities:
        """Those of the model's row, corrected by the vendor's list as soon as that was read; what the operator says of
        a family wins. Reasoning goes from one version of a model to another."""
        found = self._families.find(bare(model))
        row = found.row
        able = replace(
            row.capabilities,
            family=row.capabilities.family or family_of(model),
            image_urls=row.image_urls,
            file_urls=row.file_urls,
        )
        if told := self._listed.get(model):
            able = replace(able, **told)
            able = changed(able, self._operators_words(found.prefix))
        return able

    def encode(self, prepared: Prepared) -> Call:
        """The Chat Completions request, with the options of the settings."""
        own = options(prepared, self.settings, self._host)
        call = encode(prepared, self._row(prepared), {**own, **self.settings.extra_body})
        if self._host.model_in_path:
            return replace(call, path=predict_path(prepared.model, stream=call.stream))
        if self.settings.api_version is not None:
            return replace(call, path=f"{call.path}?api-version={self.settings.api_version}")
        return call

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the model is not held to."""
        return format_obstacle(form, prepared, self._row(prepared))

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the streamed answer."""
        return self._decoder(prepared)

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer: the same reader, fed with one chunk."""
        return self._decoder(prepared).whole(body)

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The vendor's counter, for requests of text and functions; no other host has it."""
        if not self._host.counts:
            return None
        self.encode(prepared)
        return counting(prepared)

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        return counted_tokens(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return error_of_answer(status, headers, body, self._families.find("").row, self._key())

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without the one member that the host does not take, unless it is what the client wants to see."""
        changes = amended(call, error)
        return changes if changes is not None and _NEEDED.isdisjoint(each.path for each in changes[1]) else None

    def origin(self, model: str) -> Origin:
        """Reasoning goes back to the same host and account."""
        return Origin(self.type, self._base_url, self._credentials.fingerprint())

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key, or a token of the cloud."""
        return await self._credentials.authorize(call, self._base_url + call.path)

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """A token that was refused is replaced."""
        return self._credentials.renew(status, headers, body)

    def credential_headers(self) -> Sequence[str]:
        """The header of the key or the token, where there is one."""
        return self._credentials.credential_headers()

    async def list_models(self, http: Http) -> list[str]:
        """The chat models of `GET /models`; what it says of them is kept for `capabilities`."""
        if not self._host.lists_models:
            return []
        call = Call("/models", b"", method="GET")
        answer = await http.request("GET", self._base_url + call.path, headers=await self.authorize(call, http))
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            self._listed = listed(orjson.loads(answer.body))
        except orjson.JSONDecodeError:
            raise self.error(502, answer.headers, answer.body) from None
        return list(self._listed)

    def _operators_words(self, prefix: str) -> Mapping[str, object]:
        """What the settings say of the abilities of a family."""
        for name, columns in self.settings.families.items():
            if bare(name).lower() == prefix:
                words = columns.get("capabilities")
                return words if isinstance(words, Mapping) else {}
        return {}

    def _row(self, prepared: Prepared) -> Dialect:
        """The row of the request's model, or of the known one that it behaves like."""
        family = prepared.capabilities.family
        model = prepared.model if not family or family == family_of(prepared.model) else family
        return self._families.find(bare(model)).row

    def _decoder(self, prepared: Prepared) -> ChatDecoder:
        row = self._row(prepared)
        return ChatDecoder(row, partial(error_in_answer, dialect=row, secret=self._key()))

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""
