"""Who calls: a key, or what a cloud issues for a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from providers.credentials import Credentials
from providers.credentials.azure import AzureAccess, AzureCredentials
from providers.credentials.google import GoogleAccess, GoogleCredentials
from providers.mistral.settings import MistralSettings
from proxy.provider.contract import Call
from proxy.provider.secret import Secret

#: Hosts of Azure's resources, which take a key in a header of its own; all others take it as a bearer token.
_RESOURCES: Final = (".cognitiveservices.azure.com", ".openai.azure.com", ".services.ai.azure.com")
_PROJECTS: Final = "/api/projects/"


def credentials_of(settings: MistralSettings) -> Credentials:
    """What the settings name: the key, else what the host's cloud gives, else nothing."""
    name = settings.host_name
    if settings.api_key is None and name == "vertex":
        return GoogleCredentials(settings.google or GoogleAccess())
    if settings.api_key is None and name == "azure":
        return AzureCredentials(settings.entra or AzureAccess(), scope_of(settings.address))
    header = "api-key" if name == "azure" and _is_resource(settings.address) else "Authorization"
    return _Key(settings.api_key, header)


def scope_of(address: str) -> str:
    """What a token of Entra ID has to be for at the address."""
    return "https://ai.azure.com/.default" if _PROJECTS in address else "https://cognitiveservices.azure.com/.default"


def _is_resource(address: str) -> bool:
    return (urlsplit(address).hostname or "").endswith(_RESOURCES) and _PROJECTS not in address


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that does not end, or none."""

    key: Secret | None
    header: str

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The key in its header."""
        found = self.key.reveal() if self.key is not None else ""
        if not found:
            return {}
        return {self.header: f"Bearer {found}" if self.header == "Authorization" else found}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """There is no other."""
        return False

    def credential_headers(self) -> Sequence[str]:
        """The header, where there is a key."""
        return (self.header,) if self.key is not None else ()

    def fingerprint(self) -> str:
        """Stands for the key."""
        return self.key.fingerprint() if self.key is not None else ""
