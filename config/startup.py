"""What the operator is told at start-up. No line holds a secret."""

from collections.abc import Iterator

from config.settings import Settings


def not_yet(settings: Settings) -> list[str]:
    """The keys that were written and have no effect yet, each with what happens instead."""
    return list(_not_yet(settings))


def _not_yet(settings: Settings) -> Iterator[str]:
    for key in sorted({"concurrency", "queue"} & settings.limits.model_fields_set):
        yield f"limits.{key}: limits of the process come with a later release; nothing waits or is refused"
    for name, provider in settings.providers.items():
        if "concurrency" in provider.model_fields_set:
            yield f"providers.{name}.concurrency: it comes with a later release; calls are not limited"
    for alias, targets in settings.models.items():
        if len(targets.targets) > 1:
            yield f"models.{alias}: falling back and weights come with a later release; the first target is used"


def warnings(settings: Settings) -> list[str]:
    """What is legal and probably not meant: keys without effect, keys that are not checked, variables not read."""
    found = not_yet(settings)
    if settings.admin.key is not None and settings.admin.listen is None:
        found.append("admin.key: has no effect without admin.listen; what was spent is served nowhere")
    if settings.auth == "none" and settings.clients:
        found.append("auth: none: everyone may call; the keys under clients are not checked")
    found += [
        f"{variable}: is not read, because there is a configuration file ({settings.source.file})"
        for variable in settings.source.unread
    ]
    found += [
        f"{variable}: enables no provider without {' and '.join(missing)}"
        for variable, missing in settings.source.incomplete.items()
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
    if settings.admin.listen is not None:
        lines.append(f"admin: /admin/usage on {settings.admin.listen}, with the key of admin.key")
    return lines


def _authentication(settings: Settings) -> str:
    if settings.auth == "none":
        return f"no key is asked for (auth: none); everyone who reaches {settings.listen} may call"
    if not settings.clients:
        return f"no key is asked for; only this machine reaches {settings.listen}"
    return "keys of " + ", ".join(client.name for client in settings.clients)
