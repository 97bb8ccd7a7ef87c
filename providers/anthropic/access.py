"""Who calls: a key, or what a cloud issues for a time."""

from collections.abc import Mapping
from typing import Final

from providers.anthropic.hosts import HostName
from providers.anthropic.settings import AnthropicSettings
from providers.credentials import Credentials
from providers.credentials.aws import AwsAccess, AwsCredentials
from providers.credentials.azure import AzureAccess, AzureCredentials
from providers.credentials.google import GoogleAccess, GoogleCredentials
from providers.credentials.key import Key

KEY_HEADERS: Final[Mapping[HostName, Mapping[str, str]]] = {
    "bedrock": {"authorization": "Bearer "},
    # Foundry reads the one, and read the other.
    "foundry": {"x-api-key": "", "api-key": ""},
}
"""The headers of a key, and what stands before it in them."""

OWN_KEY: Final[Mapping[str, str]] = {"x-api-key": ""}

FOUNDRY_SCOPE: Final = "https://ai.azure.com/.default"


def credentials_of(settings: AnthropicSettings) -> Credentials:
    """What the settings name: the key, else what the host's cloud gives, else nothing."""
    match settings.access:
        case AwsAccess() as access:
            return AwsCredentials(access, settings.region or "")
        case GoogleAccess() as access:
            return GoogleCredentials(access)
        case AzureAccess() as access:
            return AzureCredentials(access, FOUNDRY_SCOPE)
    return Key(settings.api_key, KEY_HEADERS.get(settings.host_name, OWN_KEY))
