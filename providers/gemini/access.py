"""Who calls: a key, or what Google Cloud issues for a time."""

from typing import Final

from providers.credentials import Credentials
from providers.credentials.google import GoogleAccess, GoogleCredentials
from providers.credentials.key import Key
from providers.gemini.settings import GeminiSettings

HEADER: Final = "x-goog-api-key"


def credentials_of(settings: GeminiSettings) -> Credentials:
    """What the settings name: the key, else what Google Cloud gives for Vertex AI, else nothing."""
    if settings.api_key is None and settings.host_name == "vertex":
        return GoogleCredentials(settings.google or GoogleAccess())
    return Key(settings.api_key, {HEADER: ""})
