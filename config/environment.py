"""The configuration without a file: what the environment says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from config.document import Document
from config.errors import Location
from config.settings import ProviderType

CONFIG_VARIABLE = "DRAGOMAN_CONFIG"
LISTEN_VARIABLE = "DRAGOMAN_LISTEN"
CLIENT_KEY_VARIABLE = "DRAGOMAN_CLIENT_KEY"
AUTH_VARIABLE = "DRAGOMAN_AUTH"
STORE_VARIABLE = "DRAGOMAN_STORE"

# read only where no file says otherwise
FILELESS_VARIABLES: Mapping[str, Location] = {
    AUTH_VARIABLE: ("auth",),
    CLIENT_KEY_VARIABLE: ("clients", 0, "key"),
    STORE_VARIABLE: ("store",),
}

OLLAMA_PORT = 11434


def value_of(environ: Mapping[str, str], variable: str) -> str | None:
    """The variable's value; None when it is not set or blank."""
    return environ.get(variable, "").strip() or None


def server_address(written: str) -> str:
    """The URL of an Ollama server, from what its own variable may hold: a host, a port, both, or a URL. Addresses that
    only a server can listen on stand for this machine."""
    scheme, mark, rest = written.partition("://")
    if not mark:
        scheme, rest = "http", written
    usual = {"http": 80, "https": 443}.get(scheme.lower()) if mark else OLLAMA_PORT
    try:
        parts = urlsplit(f"//{rest if rest.count(':') < 2 or '[' in rest else f'[{rest}]'}")
        host, port = parts.hostname or "", parts.port or usual
    except ValueError:
        return written
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - no server listens
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme.lower()}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


@dataclass(frozen=True, slots=True)
class UsualOption:
    """An option of a provider that variables of its vendor set; the first of them that is set counts. `needed`: the
    provider cannot be had without it, and `example` is a value that it could have."""

    name: str
    variables: tuple[str, ...]
    needed: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class UsualEntry:
    """The provider entry that a vendor's usual variable stands for. `sets` is the option that the variable itself sets
    (None: it is a switch, on when it is `true` or `1`), `read` makes the option's value of it; `options` are set by
    more variables."""

    name: str
    options: tuple[UsualOption, ...] = ()
    sets: str | None = "api_key"
    read: Callable[[str], str] = field(default=str)


# a provider type whose variable is not here is enabled under the type's own name
USUAL_ENTRIES: Mapping[str, UsualEntry] = {
    "OPENAI_API_KEY": UsualEntry("openai", (UsualOption("base_url", ("OPENAI_BASE_URL",)),)),
    "ANTHROPIC_API_KEY": UsualEntry("anthropic", (UsualOption("base_url", ("ANTHROPIC_BASE_URL",)),)),
    "GEMINI_API_KEY": UsualEntry("gemini"),
    "MISTRAL_API_KEY": UsualEntry("mistral"),
    "CO_API_KEY": UsualEntry("cohere"),
    "AWS_BEARER_TOKEN_BEDROCK": UsualEntry(
        "bedrock", (UsualOption("region", ("AWS_REGION", "AWS_DEFAULT_REGION"), needed=True, example="us-east-1"),)
    ),
    "AZURE_OPENAI_API_KEY": UsualEntry(
        "azure",
        (
            UsualOption(
                "base_url", ("AZURE_OPENAI_ENDPOINT",), needed=True, example="https://your-resource.openai.azure.com"
            ),
        ),
    ),
    "OLLAMA_HOST": UsualEntry("ollama", sets="base_url", read=server_address),
    "GOOGLE_GENAI_USE_VERTEXAI": UsualEntry(
        "vertex",
        (
            UsualOption("project", ("GOOGLE_CLOUD_PROJECT",), needed=True, example="your-project"),
            UsualOption("location", ("GOOGLE_CLOUD_LOCATION",), needed=True, example="us-central1"),
        ),
        sets=None,
    ),
}

# variables that enable a type beside its own, where its settings have the options of the entry
MORE_VARIABLES: Mapping[str, str] = {"GOOGLE_GENAI_USE_VERTEXAI": "gemini"}

# whose a variable is that several types claim
PREFERRED_TYPES: Mapping[str, str] = {"OPENAI_API_KEY": "responses"}

# dialects of the type that many vendors share, each enabled under the dialect's name; a variable that a type of its own
# claims is that type's
SHARED_TYPE = "openai_chat"
USUAL_DIALECTS: Mapping[str, str] = {
    "CEREBRAS_API_KEY": "cerebras",
    "DASHSCOPE_API_KEY": "dashscope",
    "DEEPSEEK_API_KEY": "deepseek",
    "FIREWORKS_API_KEY": "fireworks",
    "GROQ_API_KEY": "groq",
    "HF_TOKEN": "huggingface",
    "MINIMAX_API_KEY": "minimax",
    "MISTRAL_API_KEY": "mistral",
    "MOONSHOT_API_KEY": "moonshot",
    "OPENROUTER_API_KEY": "openrouter",
    "PERPLEXITY_API_KEY": "perplexity",
    "TOGETHER_API_KEY": "together",
    "XAI_API_KEY": "xai",
    "ZAI_API_KEY": "glm",
}


def enabling_variables(provider_types: Mapping[str, ProviderType]) -> dict[str, tuple[str, str | None]]:
    """The variables whose presence enables a provider, each with the provider's type, and its dialect where the type
    has many."""
    variables: dict[str, tuple[str, str | None]] = {}
    for name, provider_type in provider_types.items():
        variable = provider_type.environment_key
        if variable is not None and (variable not in variables or PREFERRED_TYPES.get(variable) == name):
            variables[variable] = (name, None)
    for variable, name in MORE_VARIABLES.items():
        wanted = {option.name for option in USUAL_ENTRIES[variable].options}
        if name in provider_types and wanted <= provider_types[name].settings.model_fields.keys():
            variables.setdefault(variable, (name, None))
    if SHARED_TYPE in provider_types:
        for variable, dialect in USUAL_DIALECTS.items():
            variables.setdefault(variable, (SHARED_TYPE, dialect))
    return variables


def read_environment(environ: Mapping[str, str], provider_types: Mapping[str, ProviderType]) -> Document:
    """The document that the environment stands for: every provider whose usual variables are set, one client named
    `default` when there is a client key, `auth` and `store`."""
    document = Document("environment")
    providers: dict[str, object] = {}
    for variable, (type_name, dialect) in enabling_variables(provider_types).items():
        usual = _entry(variable, type_name, dialect)
        if not _is_on(environ, variable, usual) or _missing(environ, usual):
            continue
        entry: dict[str, object] = {"type": type_name}
        if dialect is not None:
            entry["dialect"] = dialect
        for option, name, value in _values(environ, variable, usual):
            entry[option] = value
            place: Location = ("providers", usual.name, option)
            document.variables[place] = (name,)
            document.origins[place] = ("environment", name)
        providers[usual.name] = entry
    document.data["providers"] = providers
    for variable, location in FILELESS_VARIABLES.items():
        document.origins[location] = ("environment", variable)
    if auth := value_of(environ, AUTH_VARIABLE):
        document.data["auth"] = auth
    if store := value_of(environ, STORE_VARIABLE):
        document.data["store"] = store
    if client_key := value_of(environ, CLIENT_KEY_VARIABLE):
        document.data["clients"] = [{"name": "default", "key": client_key}]
    return document


def incomplete_variables(
    environ: Mapping[str, str], provider_types: Mapping[str, ProviderType]
) -> dict[str, tuple[str, ...]]:
    """The variables that would enable a provider if others were set as well, each with those that are missing."""
    found = {}
    for variable, (type_name, dialect) in enabling_variables(provider_types).items():
        usual = _entry(variable, type_name, dialect)
        if _is_on(environ, variable, usual) and (missing := _missing(environ, usual)):
            found[variable] = missing
    return found


def placeholder_environment(provider_types: Mapping[str, ProviderType], placeholder: str) -> dict[str, str]:
    """An environment that enables every provider that an environment can enable, with no real key."""
    environ: dict[str, str] = {}
    for variable, (type_name, dialect) in enabling_variables(provider_types).items():
        usual = _entry(variable, type_name, dialect)
        environ[variable] = placeholder if usual.sets is not None else "true"
        environ |= {option.variables[0]: option.example for option in usual.options if option.needed}
    return environ


def _entry(variable: str, type_name: str, dialect: str | None) -> UsualEntry:
    return USUAL_ENTRIES.get(variable, UsualEntry(dialect or type_name))


def _is_on(environ: Mapping[str, str], variable: str, usual: UsualEntry) -> bool:
    value = value_of(environ, variable)
    return value is not None and (usual.sets is not None or value.lower() in ("true", "1"))


def _missing(environ: Mapping[str, str], usual: UsualEntry) -> tuple[str, ...]:
    return tuple(
        option.variables[0]
        for option in usual.options
        if option.needed and not any(value_of(environ, name) for name in option.variables)
    )


def _values(environ: Mapping[str, str], variable: str, usual: UsualEntry) -> Iterator[tuple[str, str, str]]:
    """The options that are set, each with the variable that sets it."""
    if usual.sets is not None:
        yield usual.sets, variable, usual.read(value_of(environ, variable) or "")
    for option in usual.options:
        for name in option.variables:
            if value := value_of(environ, name):
                yield option.name, name, value
                break
