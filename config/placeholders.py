"""Settings for those who want to see a translation and have no configuration: every provider, with no real key."""

from collections.abc import Mapping

from pydantic import ValidationError

from config.environment import enabling_variables
from config.loader import load
from config.settings import ProviderEntry, ProviderType, Settings

PLACEHOLDER = "placeholder"
"""What stands in the place of every key."""


def placeholder_settings(provider_types: Mapping[str, ProviderType]) -> Settings:
    """All providers that can be had without a word about them: those that a usual key variable enables, under their
    usual names, and each type under its own. The environment is not looked at."""
    settings = load(None, dict.fromkeys(enabling_variables(provider_types), PLACEHOLDER), provider_types)
    providers = dict(settings.providers)
    for name, known in provider_types.items():
        options = {"api_key": PLACEHOLDER} if "api_key" in known.settings.model_fields else {}
        try:
            entry = ProviderEntry(type=name, options=known.settings.model_validate(options))
        except ValidationError:
            # It cannot be had without a configuration.
            continue
        providers.setdefault(name, entry)
    return settings.model_copy(update={"providers": providers})
