"""Servers that speak Responses themselves: OpenAI, and the many that follow it.

`profile` names what servers differ in, `profiles` has a row a server; `encode` writes the request anew, `decode` reads
every event of the answer, so that what a client sees is the gateway's own, whichever server answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from providers.credentials import Credentials
from providers.credentials.aws import AwsCredentials
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.families import bare
from providers.openai_chat.families import families as chat_families
from providers.responses.amend import amended
from providers.responses.decode import ResponsesDecoder, decode_response
from providers.responses.encode import counting, encode
from providers.responses.errors import error_inside, error_of
from providers.responses.profile import Profile
from providers.responses.settings import ResponsesSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.provider.families import Families, changed, shipped_rows
from proxy.responses.events import Event

__all__ = ["Responses", "ResponsesSettings"]

REMEMBERED_MODELS = 512
"""Of how many models the capabilities are kept: names come from clients."""


class Responses(Provider):
    """An endpoint that speaks Responses."""

    type = "responses"
    Settings = ResponsesSettings
    environment_key = "OPENAI_API_KEY"

    def __init__(self, settings: ResponsesSettings, name: str = "responses") -> None:
        self.settings = settings
        self.name = name
        self._families = profile_families(settings.chosen, settings.switches, settings.families)
        self._rows = chat_families(DIALECTS[settings.chosen.models])
        self._capabilities: dict[str, Capabilities] = {}
        self._credentials: Credentials | None = None
        if settings.aws is not None and settings.region is not None:
            self._credentials = AwsCredentials(settings.aws, settings.region)

    @property
    def base_url(self) -> str:
        """The configured base, else the profile's."""
        return self.settings.address

    @property
    def price_catalogue(self) -> str | None:
        """The profile's."""
        return self.settings.chosen.price_catalogue

    def profile(self, model: str) -> Profile:
        """The profile as it is for the model."""
        return self._families.find(bare(model)).row

    def capabilities(self, model: str) -> Capabilities:
        """What the server knows itself, and what its model can do. Reasoning comes back only to the model that made
        it."""
        known = self._capabilities.get(model)
        if known is None:
            known = model_capabilities(self.profile(model), self._row(model), model)
            if len(self._capabilities) >= REMEMBERED_MODELS:
                self._capabilities.clear()
            self._capabilities[model] = known
        return known

    def encode(self, prepared: Prepared) -> Call:
        """The request, written anew for the server."""
        model = prepared.capabilities.family or prepared.model
        return encode(prepared, self.profile(model), self._row(model), self.settings.extra_body)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        return ResponsesDecoder(self._error_inside(prepared))

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole response."""
        return decode_response(body, self._error_inside(prepared))

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of the server's counter, where it has one."""
        profile = self.profile(prepared.capabilities.family or prepared.model)
        return counting(self.encode(prepared), profile) if profile.counter_path else None

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        answer = orjson.loads(body)
        tokens = answer.get("input_tokens") if isinstance(answer, dict) else None
        if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
            raise ValueError("the counter gave no number")
        return tokens

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What the server's error answer means."""
        return error_of(status, headers, body, self._row(""), self._key())

    def origin(self, model: str) -> Origin:
        """Encrypted reasoning is valid for the endpoint and account that it was given to."""
        account = self._credentials.fingerprint() if self._credentials is not None else ""
        key = self.settings.api_key
        return Origin(self.type, self.base_url, key.fingerprint() if key is not None else account)

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """The key as a bearer token, or a signature, and the configured headers, which may be secret as well."""
        headers = dict(self.settings.headers)
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        elif self._credentials is not None:
            headers.update(await self._credentials.authorize(call, self.base_url + call.path))
        if self.settings.organization:
            headers["OpenAI-Organization"] = self.settings.organization
        if self.settings.project:
            headers["OpenAI-Project"] = self.settings.project
        return headers

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """As the credentials say; a key is not renewed."""
        return self._credentials is not None and not self._key() and self._credentials.renew(status, headers, body)

    def credential_headers(self) -> Sequence[str]:
        """The header of the key, and those that name the account, as far as they are configured."""
        names = [
            name
            for name, value in (
                ("Authorization", self._key()),
                ("OpenAI-Organization", self.settings.organization),
                ("OpenAI-Project", self.settings.project),
            )
            if value
        ]
        signed = self._credentials.credential_headers() if self._credentials is not None and not self._key() else ()
        return [*self.settings.headers, *signed, *names]

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the server refused."""
        return amended(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The ids of the server's list; none where it has no list."""
        path = self.settings.chosen.models_path
        if not path:
            return []
        headers = await self.authorize(Call(path, b"", method="GET"), http)
        answer = await http.request("GET", self.base_url + path, headers=headers)
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            return model_ids(orjson.loads(answer.body))
        except orjson.JSONDecodeError:
            raise self.error(502, answer.headers, answer.body) from None

    def _row(self, model: str) -> Dialect:
        return self._rows.find(bare(model)).row

    def _error_inside(self, prepared: Prepared) -> partial[ProviderError]:
        return partial(error_inside, row=self._row(prepared.model), secret=self._key())

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""


def profile_families(
    profile: Profile, switches: Mapping[str, object], extensions: Mapping[str, Mapping[str, object]]
) -> Families[Profile]:
    """The rows of a profile's models. Raises ValueError for columns that there are not and values that do not fit."""
    default = changed(profile, switches, "switches")
    shipped = shipped_rows("providers.responses", profile.name)
    return Families(default, shipped, {bare(name): changes for name, changes in extensions.items()})


def model_capabilities(profile: Profile, row: Dialect, model: str) -> Capabilities:
    """What the server takes, as far as the model can do it."""
    server, able = profile.capabilities, row.capabilities
    rests = row.sampling_while_reasoning or not able.reasoning or not row.thinks or profile.models != "openai"
    return replace(
        server,
        family=server.family or able.family or model,
        images=server.images and able.images,
        audio=server.audio and able.audio,
        tools=server.tools and able.tools,
        custom_tools=server.custom_tools and (able.custom_tools or profile.models != "openai"),
        reasoning=server.reasoning and able.reasoning,
        verbosity=server.verbosity and (able.verbosity or profile.models != "openai"),
        sampling=rests or _may_rest(able),
        context_window=server.context_window or able.context_window,
        max_output_tokens=server.max_output_tokens or able.max_output_tokens,
    )


def _may_rest(able: Capabilities) -> bool:
    """Whether the model can be had without reasoning."""
    return able.efforts is None or "none" in able.efforts


def model_ids(value: object) -> list[str]:
    """The ids in `{data: [{id}]}`, `{models: [...]}` or a bare list."""
    entries = (value.get("data") or value.get("models")) if isinstance(value, dict) else value
    ids: dict[str, None] = {}
    for entry in entries if isinstance(entries, list) else ():
        found = (entry.get("id") or entry.get("name")) if isinstance(entry, dict) else entry
        if isinstance(found, str) and found:
            ids[found] = None
    return list(ids)
