"""The configuration without a file: what the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class UsualEntry:
    """The provider entry that a vendor's usual key variable stands for. `variables`: more variables of the vendor, and
    the options that they set."""

    name: str
    variables: tuple[tuple[str, str], ...] = ()


# a provider type whose variable is not here is enabled under the type's own name
USUAL_ENTRIES: Mapping[str, UsualEntry] = {
    "OPENAI_API_KEY": UsualEntry("openai", (("OPENAI_BASE_URL", "base_url"),)),
    "ANTHROPIC_API_KEY": UsualEntry("anthropic", (("ANTHROPIC_BASE_URL", "base_url"),)),
    "GEMINI_API_KEY": UsualEntry("gemini"),
    "MISTRAL_API_KEY": UsualEntry("mistral"),
    "CO_API_KEY": UsualEntry("cohere"),
}

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


def value_of(environ: Mapping[str, str], variable: str) -> str | None:
    """The variable's value; None when it is not set or blank."""
    return environ.get(variable, "").strip() or None


def enabling_variables(provider_types: Mapping[str, ProviderType]) -> dict[str, tuple[str, str | None]]:
    """The variables whose presence enables a provider, each with the provider's type, and its dialect where the type
    has many."""
    variables: dict[str, tuple[str, str | None]] = {
        provider_type.environment_key: (name, None)
        for name, provider_type in provider_types.items()
        if provider_type.environment_key is not None
    }
    if SHARED_TYPE in provider_types:
        for variable, dialect in USUAL_DIALECTS.items():
            variables.setdefault(variable, (SHARED_TYPE, dialect))
    return variables


def read_environment(environ: Mapping[str, str], provider_types: Mapping[str, ProviderType]) -> Document:
    """The document that the environment stands for: every provider whose key variable is set, one client named
    `default` when there is a client key, `auth` and `store`."""
    document = Document("environment")
    providers: dict[str, object] = {}
    for key_variable, (type_name, dialect) in enabling_variables(provider_types).items():
        if value_of(environ, key_variable) is None:
            continue
        usual = USUAL_ENTRIES.get(key_variable, UsualEntry(dialect or type_name))
        entry: dict[str, object] = {"type": type_name}
        if dialect is not None:
            entry["dialect"] = dialect
        for variable, option in ((key_variable, "api_key"), *usual.variables):
            if value := value_of(environ, variable):
                place: Location = ("providers", usual.name, option)
                entry[option] = value
                document.variables[place] = (variable,)
                document.origins[place] = ("environment", variable)
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
