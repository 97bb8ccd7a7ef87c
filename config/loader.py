"""Reads the configuration: a file, or the environment where there is none."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from config.document import Document, absolute_files, read
from config.environment import (
    CONFIG_VARIABLE,
    FILELESS_VARIABLES,
    LISTEN_VARIABLE,
    enabling_variables,
    incomplete_variables,
    read_environment,
    value_of,
)
from config.errors import ConfigurationError, Location, Problem, suggestion
from config.naming import Names
from config.quantities import ListenAddress, parse_listen
from config.settings import ProviderEntry, ProviderType, Settings, Source
from config.startup import describe, not_yet, warnings
from config.translation import found, problems_of, written_location

__all__ = ["ConfigurationError", "Problem", "ProviderType", "describe", "load", "not_yet", "warnings"]

_COMMON_KEYS = tuple(name for name in ProviderEntry.model_fields if name != "options")


class _Unread(BaseModel):
    """Stands for options that are not valid, while the rest is checked."""


def load(
    path: Path | None,
    environ: Mapping[str, str],
    provider_types: Mapping[str, ProviderType],
    *,
    host: str | None = None,
    port: int | None = None,
) -> Settings:
    """The settings of the file at `path`, else of the one that DRAGOMAN_CONFIG names, else of the environment.

    Where to listen is said, strongest first, by `host` and `port` (the command line), DRAGOMAN_LISTEN and the file; the
    other DRAGOMAN_ variables are read only without a file. Raises ConfigurationError with every problem found.
    """
    named = value_of(environ, CONFIG_VARIABLE)
    if path is None and named is not None:
        path = Path(named)
    document = read(path, environ) if path is not None else read_environment(environ, provider_types)
    # a key with nothing under it (all commented out) says nothing
    document.data = {
        key: value for key, value in document.data.items() if value is not None or key not in Settings.model_fields
    }
    _override_listen(document, environ, host, port)
    problems: list[Problem] = []
    data = _with_options(document, provider_types, problems)
    try:
        settings = Settings.model_validate(data, context=_source(document, path, environ, provider_types))
    except ValidationError as error:
        problems += problems_of(error, document, Settings)
    else:
        problems += _contradictions(settings, document)
    if problems:
        raise ConfigurationError(problems)
    return settings


def _override_listen(document: Document, environ: Mapping[str, str], host: str | None, port: int | None) -> None:
    if listen := value_of(environ, LISTEN_VARIABLE):
        document.data["listen"] = listen
        document.origins["listen",] = ("environment", LISTEN_VARIABLE)
        document.variables.pop(("listen",), None)
    if host is None and port is None:
        return
    try:
        base = parse_listen(document.data.get("listen", Settings.model_fields["listen"].default))
    except ValueError:
        return  # reported when the settings are validated
    address = ListenAddress(base.host if host is None else host, base.port if port is None else port)
    document.data["listen"] = str(address)
    options = [option for option, value in (("--host", host), ("--port", port)) if value is not None]
    document.origins["listen",] = ("command line", " ".join(options))
    document.variables.pop(("listen",), None)


def _with_options(
    document: Document, provider_types: Mapping[str, ProviderType], problems: list[Problem]
) -> dict[str, object]:
    """The data with absolute paths of key files, and the options of each provider validated by its type."""
    data = dict(document.data)
    for section in ("clients", "seal_keys", "admin"):
        if section in data:
            data[section] = absolute_files(data[section], document.folder)
    providers = data.get("providers")
    if isinstance(providers, dict):
        data["providers"] = {
            name: _provider_entry(name, written, document, provider_types, problems)
            for name, written in providers.items()
        }
    return data


def _provider_entry(
    name: str,
    written: object,
    document: Document,
    provider_types: Mapping[str, ProviderType],
    problems: list[Problem],
) -> object:
    if not isinstance(written, dict):
        return written
    location = ("providers", name)
    common = {key: value for key, value in written.items() if key in _COMMON_KEYS}
    if isinstance(files := common.get("tls"), dict) and document.folder is not None:
        folder = document.folder
        common["tls"] = {key: str(folder / path) if isinstance(path, str) else path for key, path in files.items()}
    entry: dict[str, object] = {"type": "", **common, "options": _Unread()}
    type_name = written.get("type")
    if not isinstance(type_name, str) or type_name not in provider_types:
        place = (*location, "type")
        says = found(document, place, type_name) if "type" in written else "is missing"
        problems.append(document.problem(place, says, f"expected one of {', '.join(sorted(provider_types))}"))
        return entry | {"type": ""}
    model = provider_types[type_name].settings
    options = {key: value for key, value in written.items() if key not in _COMMON_KEYS}
    try:
        entry["options"] = model.model_validate(absolute_files(options, document.folder))
    except ValidationError as error:
        problems += problems_of(error, document, model, prefix=location, more_keys=_COMMON_KEYS)
    return entry


def _source(
    document: Document, path: Path | None, environ: Mapping[str, str], provider_types: Mapping[str, ProviderType]
) -> Source:
    variables: dict[str, tuple[str, ...]] = {}
    for location, names in document.variables.items():
        match location:
            case ("providers", str(provider), *_):
                variables[provider] = tuple(dict.fromkeys((*variables.get(provider, ()), *names)))
    # looking at every type may import its plugin: only where the answer is needed
    offered = () if document.data.get("providers") else tuple(enabling_variables(provider_types))
    return Source(
        file=document.file if path is not None else None,
        variables=variables,
        offered=offered,
        unread=tuple(name for name in FILELESS_VARIABLES if path is not None and value_of(environ, name)),
        incomplete=incomplete_variables(environ, provider_types) if path is None else {},
    )


def _contradictions(settings: Settings, document: Document) -> Iterator[Problem]:
    """What is wrong between values that are each legal."""
    yield from _open_to_others(settings, document)
    clients = settings.clients
    names = [client.name for client in clients]
    yield from _repeated(document, "clients", "name", names, "a name of its own for each client")
    keys = [client.key.reveal() for client in clients]
    yield from _repeated(document, "clients", "key", keys, "a key of its own for each client")
    seal_ids = [seal_key.id for seal_key in settings.seal_keys]
    yield from _repeated(document, "seal_keys", "id", seal_ids, "an id of its own for each key")
    yield from _admin_problems(settings, document)
    yield from _alias_problems(settings, document)
    for name, prompt in settings.prompts.items():
        if prompt.default_version not in prompt.versions:
            yield document.problem(
                ("prompts", name, "version"),
                f"found {prompt.default_version!r}",
                f"expected one of {', '.join(prompt.versions)}",
            )
    yield from _unknown_models(settings, document)


def _admin_problems(settings: Settings, document: Document) -> Iterator[Problem]:
    listen, key = settings.admin.listen, settings.admin.key
    if listen is None:
        return
    if key is None:
        says = f"expected a key, because the administration listens on {listen}"
        yield document.problem(("admin", "key"), "is missing", says)
        return
    for index, client in enumerate(settings.clients):
        if client.key.reveal() == key.reveal():
            yield document.problem(("admin", "key"), f"found the key of clients[{index}]", "expected one of its own")
    for place, other in (("listen", settings.listen), ("metrics.listen", settings.metrics.listen)):
        if listen.port and listen == other:
            yield document.problem(("admin", "listen"), f"found the address of {place}", "expected one of its own")


def _unknown_models(settings: Settings, document: Document) -> Iterator[Problem]:
    names = Names(settings)
    named: dict[Location, str | None] = {
        ("default_model",): settings.default_model,
        ("compaction", "model"): settings.compaction.model,
    }
    for location, model in named.items():
        if model is not None and not names.resolve(model):
            yield document.problem(
                location,
                found(document, location, model),
                "expected an alias, PROVIDER/MODEL or a model that exactly one provider serves",
            )


def _open_to_others(settings: Settings, document: Document) -> Iterator[Problem]:
    if settings.auth == "none" or settings.clients or settings.listen.loopback:
        return
    remedy = "configure `clients`, or write `auth: none` to let everyone in"
    if document.folder is None:
        remedy = "set DRAGOMAN_CLIENT_KEY, or DRAGOMAN_AUTH=none to let everyone in"
    yield document.problem(
        ("listen",),
        f"found '{settings.listen}', which others can reach, and no client keys",
        f"expected a loopback address such as 127.0.0.1:{settings.listen.port}; or {remedy}",
    )


def _repeated(document: Document, section: str, key: str, values: Sequence[str], allowed: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        if value in first:
            location: Location = (section, index, key)
            yield document.problem(
                location, f"found the {key} of {section}[{first[value]}] again", f"expected {allowed}"
            )
        first.setdefault(value, index)


def _alias_problems(settings: Settings, document: Document) -> Iterator[Problem]:
    providers = list(settings.providers)
    for alias, entry in settings.models.items():
        for index, target in enumerate(entry.targets):
            location = written_location(document.data, ("models", alias, "targets", index, "model"))
            provider, _, model = target.model.partition("/")
            if provider not in settings.providers:
                says = f"found {target.model!r}, and no provider is named {provider!r}"
                yield document.problem(location, says, suggestion(provider, providers, "providers"))
            if "*" in model and "*" not in alias:
                yield document.problem(
                    location, f"found {target.model!r}", "expected a model without '*', because the alias has none"
                )
