"""What the operator is told at start-up. No line holds a secret."""

from collections.abc import Iterator, Mapping

from config.settings import Settings

# keys that are read and checked, and have no effect before a later release
_NOT_YET: Mapping[str, str] = {
    "admin": "the administration comes with a later release; nothing listens there",
    "on_disconnect": "draining comes with a later release; the upstream is left at once",
    "unpriced": "budgets come with a later release; nothing is refused",
}
_NOT_YET_OF_CLIENTS: Mapping[str, str] = {
    "budget": "budgets come with a later release; spending is not limited",
    "limits": "limits of clients come with a later release; nothing is limited",
}
_NOT_YET_OF_MODELS: Mapping[str, str] = {
    "price": "prices come with a later release; no cost is counted",
}


def not_yet(settings: Settings) -> list[str]:
    """The keys that were written and have no effect yet, each with what happens instead."""
    return list(_not_yet(settings))


def _not_yet(settings: Settings) -> Iterator[str]:
    for key, sentence in _NOT_YET.items():
        if getattr(settings, key) != type(settings).model_fields[key].get_default(call_default_factory=True):
            yield f"{key}: {sentence}"
    for index, client in enumerate(settings.clients):
        for key in sorted(_NOT_YET_OF_CLIENTS.keys() & client.model_fields_set):
            yield f"clients[{index}].{key}: {_NOT_YET_OF_CLIENTS[key]}"
    for key in sorted({"concurrency", "queue"} & settings.limits.model_fields_set):
        yield f"limits.{key}: limits of the process come with a later release; nothing waits or is refused"
    for name, provider in settings.providers.items():
        if "concurrency" in provider.model_fields_set:
            yield f"providers.{name}.concurrency: it comes with a later release; calls are not limited"
        for model, entry in provider.models.items():
            for key in sorted(_NOT_YET_OF_MODELS.keys() & entry.model_fields_set):
                yield f"providers.{name}.models.{model}.{key}: {_NOT_YET_OF_MODELS[key]}"
    for alias, targets in settings.models.items():
        if len(targets.targets) > 1:
            yield f"models.{alias}: falling back and weights come with a later release; the first target is used"


def warnings(settings: Settings) -> list[str]:
    """What is legal and probably not meant: keys without effect, keys that are not checked, variables not read."""
    found = not_yet(settings)
    if settings.auth == "none" and settings.clients:
        found.append("auth: none: everyone may call; the keys under clients are not checked")
    found += [
        f"{variable}: is not read, because there is a configuration file ({settings.source.file})"
        for variable in settings.source.unread
    ]
    return found


def describe(settings: Settings) -> list[str]:
    """The start-up lines: where the configuration came from, the providers, and how clients authenticate."""
    source = settings.source
    lines = [f"configuration: {source.file or 'environment variables, no file'}"]
    for name, entry in settings.providers.items():
        variables = ", ".join(source.variables.get(name, ()))
        lines.append(f"provider {name} (type {entry.type})" + (f", from {variables}" if variables else ""))
    if not settings.providers:
        ways = f"set one of {', '.join(source.offered)}, " if source.offered and not source.file else ""
        entry_way = "add one under `providers`" if source.file else "name a file with --config"
        lines.append(f"no provider is configured: {ways}{entry_way}, or try `dragoman demo`")
    lines.append(f"clients: {_authentication(settings)}")
    return lines


def _authentication(settings: Settings) -> str:
    if settings.auth == "none":
        return f"no key is asked for (auth: none); everyone who reaches {settings.listen} may call"
    if not settings.clients:
        return f"no key is asked for; only this machine reaches {settings.listen}"
    return "keys of " + ", ".join(client.name for client in settings.clients)
