"""Settings for those who want to see a translation and have no configuration: every provider, with no real key."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from config.environment import placeholder_environment, read_environment
from config.loader import load
from config.settings import ProviderEntry, ProviderType, Settings

PLACEHOLDER = "placeholder"
"""What stands in the place of every key."""


def placeholder_settings(provider_types: Mapping[str, ProviderType]) -> Settings:
    """All providers that can be had without a word about them: those that usual variables enable, under their usual
    names, and each type under its own. The environment is not looked at."""
    providers: dict[str, ProviderEntry] = {}
    for name, type_name, options in _written(provider_types):
        try:
            read = provider_types[type_name].settings.model_validate(options)
        except ValidationError:
            # It cannot be had without a configuration, or not without an extra that is not installed.
            continue
        providers.setdefault(name, ProviderEntry(type=type_name, options=read))
    return load(None, {}, provider_types).model_copy(update={"providers": providers})


def _written(provider_types: Mapping[str, ProviderType]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """The names, types and options of all entries."""
    document = read_environment(placeholder_environment(provider_types, PLACEHOLDER), provider_types)
    entries = document.data["providers"]
    assert isinstance(entries, dict)
    for name, entry in entries.items():
        yield name, entry["type"], {option: value for option, value in entry.items() if option != "type"}
    for name, known in provider_types.items():
        yield name, name, {"api_key": PLACEHOLDER} if "api_key" in known.settings.model_fields else {}
