"""Azure OpenAI and Foundry: the APIs of OpenAI under the addresses, deployments and credentials of Azure.

What is said and read is that of `responses`, or of `openai_chat` for the models of other makers; here stands what Azure
does otherwise.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import orjson

from providers.azure.errors import with_filter
from providers.azure.settings import AzureSettings
from providers.credentials.azure import AzureCredentials
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.families import bare
from providers.responses import Responses, ResponsesSettings
from providers.responses.profiles import AZURE
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Http, Origin, Prepared, Provider
from proxy.provider.conversions import Conversion, approximated, refuse
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event

__all__ = ["Azure", "AzureSettings"]

_DEPLOYMENT: Final = re.compile(r"[\x20-\x7e]{1,128}")

IMAGE_HEADER: Final = "x-ms-oai-image-generation-deployment"

OPENAI_MODELS: Final = ("gpt-", "chatgpt-", "codex-", "o1", "o3", "o4")
"""How the names of OpenAI's own models begin."""

OTHER_MAKERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mistral": {"tokens_member": "max_tokens"},
    "ministral": {"tokens_member": "max_tokens"},
    "codestral": {"tokens_member": "max_tokens"},
    "grok": {"inline_references": True},
}
"""What the models of other makers want on Azure, by the beginnings of their names."""


class Azure(Provider):
    """One resource of Azure OpenAI or Foundry."""

    type = "azure"
    Settings = AzureSettings
    environment_key = "AZURE_OPENAI_API_KEY"

    def __init__(self, settings: AzureSettings, name: str = "azure") -> None:
        self.settings = settings
        self.name = name
        self._responses = _responses(settings, name)
        self._openai, self._others = _chat(settings, name, "openai"), _chat(settings, name, "generic")
        self._credentials = AzureCredentials(settings.entra, settings.scope) if settings.entra is not None else None

    @property
    def base_url(self) -> str:
        """The resource's address with the path of its API."""
        return self.settings.address

    @property
    def price_catalogue(self) -> str:
        """Azure's prices."""
        return "azure"

    def capabilities(self, model: str) -> Capabilities:
        """Those of the model that the deployment has: name it by `base_model`."""
        return self._inner(model).capabilities(model)

    def encode(self, prepared: Prepared) -> Call:
        """The call of the one API or of the other."""
        call = self._of(prepared).encode(prepared)
        headers = dict(call.headers)
        if self.settings.image_deployment is not None:
            headers[IMAGE_HEADER] = self.settings.image_deployment
        if self.settings.api_version is not None:
            if not _DEPLOYMENT.fullmatch(prepared.model) or not prepared.model.strip("."):
                refuse("model", "The model is not the name of a deployment.", value=True)
            deployment = quote(prepared.model, safe="")
            version = self.settings.api_version
            call = replace(call, path=f"/deployments/{deployment}{call.path}?api-version={version}")
        return replace(call, headers=headers)

    def format_obstacle(self, form: Mapping[str, object], prepared: Prepared) -> str | None:
        """What the model cannot be held to."""
        return self._of(prepared).format_obstacle(form, prepared)

    def decoder(self, prepared: Prepared) -> Decoder:
        """A reader for the stream."""
        return self._of(prepared).decoder(prepared)

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        """The events of a whole answer."""
        return self._of(prepared).decode(body, prepared)

    def encode_count(self, prepared: Prepared) -> Call | None:
        """The call of the counter, which only Responses has."""
        return self._of(prepared).encode_count(prepared)

    def decode_count(self, body: bytes) -> int:
        """The number that the counter gives."""
        return self._responses.decode_count(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error answer means."""
        return with_filter(self._responses.error(status, headers, body), body)

    def origin(self, model: str) -> Origin:
        """Encrypted reasoning is bound to the resource."""
        key = self.settings.api_key
        account = self._credentials.fingerprint() if self._credentials is not None else ""
        return Origin(self.type, self.base_url, key.fingerprint() if key is not None else account)

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        """A token of Entra ID, or the key: never both. And the configured headers, which may be secret as well."""
        if self._credentials is not None:
            proof = await self._credentials.authorize(call, self.base_url + call.path)
        else:
            key = self._key()
            proof = {"Authorization": f"Bearer {key}"} if self._bears else {"api-key": key}
        return {**self.settings.headers, **proof}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """As the credentials say; a key is not renewed."""
        return self._credentials is not None and self._credentials.renew(status, headers, body)

    def credential_headers(self) -> Sequence[str]:
        """The header of the token or of the key."""
        if self._credentials is not None:
            return [*self.settings.headers, *self._credentials.credential_headers()]
        return [*self.settings.headers, "Authorization" if self._bears else "api-key"]

    def amend(self, call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
        """The call without what the resource refused; a search under its older name where the newer is not known."""
        if (older := _with_older_search(call, error)) is not None:
            return older, [approximated("tools", "the resource knows the web search by its older name")]
        return (self._responses if self.settings.api == "responses" else self._openai).amend(call, error)

    async def list_models(self, http: Http) -> list[str]:
        """The models of the resource's region: its deployments are known to the management API alone."""
        if self.settings.api_version is not None:
            return []
        headers = await self.authorize(Call("/models", b"", method="GET"), http)
        answer = await http.request("GET", f"{self.base_url}/models", headers=headers)
        if answer.status != 200:
            raise self.error(answer.status, answer.headers, answer.body)
        try:
            entries = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise self.error(502, answer.headers, answer.body) from None
        listed = entries.get("data") if isinstance(entries, dict) else None
        found = [entry.get("id") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [name for name in found if isinstance(name, str)]

    @property
    def _bears(self) -> bool:
        return self.settings.is_project or ".models.ai.azure.com" in self.base_url

    def _key(self) -> str:
        return self.settings.api_key.reveal() if self.settings.api_key is not None else ""

    def _of(self, prepared: Prepared) -> Responses | OpenAIChat:
        return self._inner(prepared.capabilities.family or prepared.model)

    def _inner(self, model: str) -> Responses | OpenAIChat:
        if self.settings.api == "responses":
            return self._responses
        return self._openai if _is_openai(model) else self._others


def _is_openai(model: str) -> bool:
    """Whether the name is that of one of OpenAI's models; a deployment whose model nobody names counts as such."""
    name = bare(model).lower()
    return name.startswith(OPENAI_MODELS) or not name.startswith(_MAKERS)


_MAKERS: Final = (
    *OTHER_MAKERS,
    "claude",
    "cohere",
    "command",
    "deepseek",
    "jamba",
    "kimi",
    "llama",
    "magistral",
    "mai-",
    "meta-llama",
    "phi",
    "qwen",
)


def _responses(settings: AzureSettings, name: str) -> Responses:
    is_native = settings.api == "responses"
    switches = dict(settings.switches) if is_native else {}
    if settings.image_deployment is not None and "capabilities" not in switches:
        switches["capabilities"] = {"hosted_tools": [*AZURE.capabilities.hosted_tools, "image_generation"]}
    given = ResponsesSettings(
        base_url=settings.address,
        api_key=settings.api_key,
        profile="azure",
        switches=switches,
        families=settings.families if is_native else {},
        extra_body=settings.extra_body,
    )
    return Responses(given, name)


def _chat(settings: AzureSettings, name: str, dialect: str) -> OpenAIChat:
    is_chat = settings.api == "chat"
    shipped: dict[str, dict[str, Any]] = (
        {} if dialect == "openai" else {maker: dict(changes) for maker, changes in OTHER_MAKERS.items()}
    )
    # Files are not taken, whichever model it is.
    switches: dict[str, Any] = {"pdf": False, "file_ids": False} if dialect == "openai" else {"think_tags": True}
    if is_chat:
        switches |= settings.switches
        for prefix, changes in settings.families.items():
            shipped[prefix] = {**shipped.get(prefix, {}), **changes}
    given = OpenAIChatSettings(
        base_url=settings.address,
        api_key=settings.api_key,
        dialect=dialect,
        switches=switches,
        families=shipped,
        extra_body=settings.extra_body,
    )
    return OpenAIChat(given, name)


def _with_older_search(call: Call, error: ProviderError) -> Call | None:
    if error.vendor_status != 400 or "web_search" not in f"{error.message} {error.vendor_param}":
        return None
    body = orjson.loads(call.body)
    changed = False
    for tool in body.get("tools") or () if isinstance(body, dict) else ():
        if isinstance(tool, dict) and tool.get("type") in ("web_search", "web_search_2025_08_26"):
            tool["type"] = "web_search_preview"
            tool.pop("filters", None)
            changed = True
    return replace(call, body=orjson.dumps(body)) if changed else None
