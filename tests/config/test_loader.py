import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import config
from config.environment import USUAL_DIALECTS
from config.errors import ConfigurationError
from config.loader import ProviderType, describe, load, not_yet, warnings
from config.quantities import ListenAddress
from config.settings import CapabilityChanges, KeyReference, Settings
from config.translation import fields_of
from proxy.provider.capabilities import Capabilities
from tests.config.fakes import ENVIRON, PROVIDER_TYPES, ChatSettings, FakeSettings, load_text

EXAMPLES = Path(config.__file__).parent / "examples"


def option(loaded: Settings, provider: str, name: str) -> object:
    return getattr(loaded.providers[provider].options, name)


def error_of(path: Path) -> ConfigurationError | None:
    """What is wrong with a file; None when it loads."""
    try:
        load(path, ENVIRON, PROVIDER_TYPES)
    except ConfigurationError as error:
        return error
    return None


def test_the_examples_load() -> None:
    loaded = load(EXAMPLES / "dragoman.yaml", ENVIRON, PROVIDER_TYPES)
    assert list(loaded.providers) == ["anthropic", "openai", "lab"]
    assert option(loaded, "anthropic", "api_key") == "sk-ant-canary"
    assert isinstance(loaded.providers["lab"].options, ChatSettings)
    qwen = loaded.providers["lab"].models["qwen3"]
    assert qwen.price is not None
    assert (qwen.price.input, qwen.price.output, qwen.price.cache_read) == (Decimal("0.5"), Decimal("2.0"), None)
    assert qwen.capabilities == {"images": False}
    assert [target.weight for target in loaded.models["house-model"].targets] == [3.0, 1.0]
    assert [target.weight for target in loaded.models["gpt-4o"].targets] == [None, None]
    assert loaded.clients[0].key.reveal() == "shop-canary"
    assert loaded.fetch.mode == "off"
    minimal = load(EXAMPLES / "minimal.yaml", ENVIRON, PROVIDER_TYPES)
    assert minimal.clients[0].key.reveal() == "client-canary"


def test_the_example_names_every_key_and_only_defaults_below_the_clients() -> None:
    written = yaml.safe_load((EXAMPLES / "dragoman.yaml").read_text())
    assert list(written) == list(fields_of(Settings))
    loaded = load(EXAMPLES / "dragoman.yaml", ENVIRON, PROVIDER_TYPES)
    default = Settings()
    for name in set(fields_of(Settings)) - {"providers", "models", "clients"}:
        assert getattr(loaded, name) == getattr(default, name), name
    assert loaded.providers["anthropic"].timeout == loaded.providers["openai"].timeout
    assert loaded.providers["anthropic"].concurrency == loaded.providers["openai"].concurrency


def test_the_defaults() -> None:
    default = Settings()
    assert str(default.listen) == "127.0.0.1:8080"
    assert (default.auth, default.strict, default.history) == ("keys", False, "refuse")
    assert (default.retention, default.heartbeat, default.grace) == (2_592_000.0, 15.0, 30.0)
    assert default.limits.body == 33_554_432
    assert default.retry.attempts == 2


def test_capability_changes_are_the_fields_of_the_capabilities() -> None:
    assert set(fields_of(CapabilityChanges)) == {field.name for field in fields(Capabilities)}


def test_every_key_is_in_the_reference() -> None:
    reference = (Path(config.__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    keys: set[str] = set()
    models: list[Any] = [Settings]
    seen: list[Any] = []
    while models:
        annotation = models.pop()
        if annotation in seen:
            continue
        seen.append(annotation)
        models += [*getattr(annotation, "__args__", ())]
        for key, field in fields_of(annotation).items():
            keys.add(key)
            models += [field.annotation, *(getattr(item, "model", None) for item in field.metadata)]
    keys.remove("options")  # the keys of the type stand in its place
    assert {"cache_write_5m", "from", "verbosity", "weight", "per", "drain"} <= keys
    for key in sorted(keys):
        assert any(f"{before}{key}{after}" in reference for before in "`.{ ," for after in "`:}.,"), key


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("default_model: x/${SHOP_KEY}", "x/shop-canary"),
        ("default_model: x/a-${SHOP_KEY}-b-${SHOP_KEY}", "x/a-shop-canary-b-shop-canary"),
        ("default_model: x/$${SHOP_KEY}", "x/${SHOP_KEY}"),
        ("default_model: x/$SHOP_KEY", "x/$SHOP_KEY"),
        ("default_model: 'x/${EMPTY}1'", "x/1"),
        ("default_model: x/${NESTED}", "x/${SHOP_KEY}"),
        ("default_model: x/007 # ${NOWHERE}", "x/007"),
    ],
)
def test_variables_are_put_in_once(text: str, value: str, tmp_path: Path) -> None:
    environ = {**ENVIRON, "EMPTY": "", "NESTED": "${SHOP_KEY}"}
    assert load_text(f"providers: {{x: {{type: scripted}}}}\n{text}", tmp_path, environ).default_model == value


def test_numbers_may_come_from_variables(tmp_path: Path) -> None:
    environ = {"N": "7", "T": "true", "S": "2MB", "D": "3m"}
    loaded = load_text("limits: {queue: ${N}, body: ${S}}\nstrict: ${T}\ngrace: ${D}", tmp_path, environ)
    assert (loaded.limits.queue, loaded.limits.body, loaded.strict, loaded.grace) == (7, 2_000_000, True, 180.0)


@pytest.mark.parametrize(
    ("text", "mode", "hosts"),
    [
        ("fetch: {mode: off}", "off", ()),
        ("fetch: {allow: [a.example]}", "allow", ("a.example",)),
        ("fetch: {mode: allow, allow: [a.example]}", "allow", ("a.example",)),
        ("fetch: {mode: public}", "public", ()),
        ("fetch:", "off", ()),
        (
            "fetch: {allow: ['*.A.example', 'a.example:8443', localhost, '10.0.0.5:80', '[fd00::1]:8080', '[::1]']}",
            "allow",
            ("*.a.example", "a.example:8443", "localhost", "10.0.0.5:80", "[fd00::1]:8080", "[::1]"),
        ),
    ],
)
def test_fetch(text: str, mode: str, hosts: tuple[str, ...], tmp_path: Path) -> None:
    loaded = load_text(text, tmp_path)
    assert (loaded.fetch.mode, loaded.fetch.allow) == (mode, hosts)


def test_fetch_has_limits(tmp_path: Path) -> None:
    fetch = load_text("fetch: {mode: public, max_bytes: 1MiB, timeout: 500ms, max_redirects: 0}", tmp_path).fetch
    assert (fetch.max_bytes, fetch.timeout, fetch.max_redirects) == (2**20, 0.5, 0)
    fetch = load_text("fetch: {mode: public}", tmp_path).fetch
    assert (fetch.max_bytes, fetch.timeout, fetch.max_redirects) == (20 * 2**20, 10.0, 3)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "https://a.example",
        "a.example/x",
        "a.example:0",
        "a.example:65536",
        "a.example:",
        "user@a.example",
        "*",
        "*.*.example",
        "a.*.example",
        "*.1.2.3.4",
        "127.1",
        "2130706433",
        "0x7f000001",
        "127.0.0.01",
        "[::1%1]",
        "[::g]",
        "::1",
        "a..example",
        "a b",
    ],
)
def test_hosts_that_are_none(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected HOST, HOST:PORT or"):
        load_text(f"fetch: {{allow: [{host!r}]}}", tmp_path)


@pytest.mark.parametrize("limit", ["max_bytes: 0", "timeout: 0", "max_redirects: -1", "max_redirects: true"])
def test_limits_of_fetches_have_bounds(limit: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_text(f"fetch: {{mode: public, {limit}}}", tmp_path)


@pytest.mark.parametrize(
    ("text", "versions", "default"),
    [
        ("{instructions: x, temperature: 0.5}", {"1": {"instructions": "x", "temperature": 0.5}}, "1"),
        (
            "{versions: {1: {instructions: x}, 2.10: {input: y}}}",
            {"1": {"instructions": "x"}, "2.10": {"input": "y"}},
            "2.10",
        ),
        ("{version: 1, versions: {1: {}, 2: {}}}", {"1": {}, "2": {}}, "1"),
        ("{version: 'v2', versions: {v1: {}, v2: {}}}", {"v1": {}, "v2": {}}, "v2"),
    ],
)
def test_prompts(text: str, versions: dict[str, object], default: str, tmp_path: Path) -> None:
    prompt = load_text(f"prompts: {{pmpt_1: {text}}}", tmp_path).prompts["pmpt_1"]
    assert (dict(prompt.versions), prompt.default_version) == (versions, default)


def test_key_files_are_relative_to_the_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").mkdir()
    key = tmp_path / "secrets" / "shop"
    key.write_text("first\n")
    (tmp_path / "dragoman.yaml").write_text(
        "providers: {x: {type: openai_chat, api_key: {file: secrets/none}}}\n"
        "models: {file: x/y}\n"
        "clients: [{name: a, key: {file: secrets/shop}}, {name: b, key: {file: ./dragoman.yaml}}]\n"
        f"admin: {{key: {{file: {key}}}}}\n"
    )
    monkeypatch.chdir(tmp_path.parent)
    loaded = load(Path(tmp_path.name) / "dragoman.yaml", {}, PROVIDER_TYPES)
    assert option(loaded, "x", "api_key") == {"file": str(tmp_path / "secrets" / "none")}
    assert loaded.models["file"].targets[0].model == "x/y"
    assert loaded.clients[0].key.reveal() == "first"
    key.write_text("second\n")
    assert loaded.clients[0].key.reveal() == "second"
    assert loaded.admin.key == KeyReference(file=key)


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    loaded = load_text(
        "store: postgresql://u:store-canary@h/d\nadmin: {key: admin-canary}\nseal_keys: [{id: a, key: seal-canary}]\n"
        "clients: [{name: a, key: a-canary}]",
        tmp_path,
    )
    assert "canary" not in f"{loaded!r} {loaded}"
    assert loaded.store == "postgresql://u:store-canary@h/d"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("base: &b {model: x/y}", ["base"]),
        ("limits: &l {queue: 5}\nretry: {<<: *l}", ["retry.queue"]),
        ("limits: {<<: [{queue: 5}, {queue: 6, body: 7}], body: 9}", []),
        ("clients: # nothing yet\nmodels:\n", []),
        ("", []),
        ("# only a comment", []),
    ],
)
def test_yaml_forms(text: str, paths: list[str], tmp_path: Path) -> None:
    path = tmp_path / "dragoman.yaml"
    path.write_text(text)
    error = error_of(path)
    assert [problem.path for problem in error.problems] == paths if error else not paths


def test_merged_keys_give_way_to_written_ones_and_the_first_merged_wins(tmp_path: Path) -> None:
    loaded = load_text("limits: {<<: [{queue: 5}, {queue: 6, body: 7}], body: 9}", tmp_path)
    assert (loaded.limits.queue, loaded.limits.body) == (5, 9)


@pytest.mark.parametrize(
    ("environ", "providers"),
    [
        ({}, {}),
        ({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "  "}, {"openai": ("openai_chat", None)}),
        (
            {
                "ANTHROPIC_API_KEY": "k",
                "OPENAI_API_KEY": "k",
                "OPENAI_BASE_URL": "http://h/v1",
                "ANTHROPIC_BASE_URL": "",
            },
            {"anthropic": ("anthropic", None), "openai": ("openai_chat", "http://h/v1")},
        ),
        ({"PARROT_API_KEY": "k", "GEMINI_API_KEY": "k"}, {"gemini": ("gemini", None), "parrot": ("parrot", None)}),
        ({"CO_API_KEY": "the plugin is not installed"}, {}),
    ],
)
def test_without_a_file_providers_come_from_their_keys(
    environ: Mapping[str, str], providers: Mapping[str, tuple[str, str | None]]
) -> None:
    loaded = load(None, environ, PROVIDER_TYPES)
    assert {
        name: (entry.type, option(loaded, name, "base_url")) for name, entry in loaded.providers.items()
    } == providers
    assert all(option(loaded, name, "api_key") == "k" for name in providers)
    assert (loaded.auth, loaded.clients, str(loaded.listen)) == ("keys", (), "127.0.0.1:8080")


def test_vendors_without_a_type_of_their_own_are_dialects_of_one() -> None:
    loaded = load(None, {"XAI_API_KEY": "k", "GROQ_API_KEY": "k", "MISTRAL_API_KEY": "k"}, PROVIDER_TYPES)
    assert {name: (entry.type, option(loaded, name, "dialect")) for name, entry in loaded.providers.items()} == {
        "groq": ("openai_chat", "groq"),
        "mistral": ("openai_chat", "mistral"),
        "xai": ("openai_chat", "xai"),
    }
    assert {option(loaded, name, "api_key") for name in loaded.providers} == {"k"}
    assert "provider groq (type openai_chat), from GROQ_API_KEY" in describe(loaded)


def test_the_key_of_a_vendor_with_a_type_of_its_own_is_that_types() -> None:
    types = {**PROVIDER_TYPES, "mistral": ProviderType(FakeSettings, "MISTRAL_API_KEY")}
    entry = load(None, {"MISTRAL_API_KEY": "k"}, types).providers["mistral"]
    assert (entry.type, type(entry.options)) == ("mistral", FakeSettings)


def test_no_vendor_is_a_dialect_of_a_type_that_is_not_installed() -> None:
    assert not load(None, {"GROQ_API_KEY": "k"}, {"parrot": PROVIDER_TYPES["parrot"]}).providers


def test_without_a_file_the_other_variables_are_read() -> None:
    environ = {"DRAGOMAN_LISTEN": ":80", "DRAGOMAN_CLIENT_KEY": "canary", "DRAGOMAN_STORE": "memory://"}
    loaded = load(None, environ, PROVIDER_TYPES)
    assert [(client.name, client.key.reveal()) for client in loaded.clients] == [("default", "canary")]
    assert (loaded.listen, loaded.store) == (ListenAddress("", 80), "memory://")
    assert load(None, {"DRAGOMAN_LISTEN": ":80", "DRAGOMAN_AUTH": "none"}, PROVIDER_TYPES).auth == "none"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DRAGOMAN_LISTEN": "80"}, "environment: DRAGOMAN_LISTEN: found '80', expected HOST:PORT such as"),
        ({"DRAGOMAN_LISTEN": ":80"}, "environment: DRAGOMAN_LISTEN: found ':80', which others can reach, and no client "
         "keys, expected a loopback address such as 127.0.0.1:80; or set DRAGOMAN_CLIENT_KEY, or DRAGOMAN_AUTH=none"),
        ({"DRAGOMAN_AUTH": "no"}, "environment: DRAGOMAN_AUTH: found 'no', expected 'keys' or 'none'"),
        ({"DRAGOMAN_STORE": "canary"}, "environment: DRAGOMAN_STORE: found a value that is not shown, expected memory://"),
        ({"OPENAI_API_KEY": "wrong-canary"}, "environment: OPENAI_API_KEY: the key *** is wrong"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "canary"},
         "environment: OPENAI_BASE_URL: found a value that is not shown, expected a URL"),
    ],
)  # fmt: skip
def test_wrong_variables_are_named(environ: Mapping[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(None, environ, PROVIDER_TYPES)
    assert str(caught.value).startswith(said)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "variable", "host", "port", "address"),
    [
        ("listen: 127.0.0.1:1", None, None, None, "127.0.0.1:1"),
        ("listen: 127.0.0.1:1", "127.0.0.2:2", None, None, "127.0.0.2:2"),
        ("listen: 127.0.0.1:1", "127.0.0.2:2", None, 3, "127.0.0.2:3"),
        ("listen: 127.0.0.1:1", "127.0.0.2:2", "::1", None, "[::1]:2"),
        ("", "", "127.0.0.3", 0, "127.0.0.3:0"),
    ],
)
def test_where_to_listen(
    text: str, variable: str | None, host: str | None, port: int | None, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "dragoman.yaml"
    path.write_text(text)
    environ = {} if variable is None else {"DRAGOMAN_LISTEN": variable}
    assert str(load(path, environ, PROVIDER_TYPES, host=host, port=port).listen) == address


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("0.0.0.0", None, "command line: --host: found '0.0.0.0:8080', which others can reach"),
        (None, 70_000, "command line: --port: found '127.0.0.1:70000', expected HOST:PORT"),
        ("a b", -1, "command line: --host --port: found 'a b:-1', expected HOST:PORT"),
    ],
)
def test_the_command_line_is_held_to_the_same_rules(host: str | None, port: int | None, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, PROVIDER_TYPES, host=host, port=port)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("listen: :80", False),
        ("listen: :80\nauth: keys\nclients: []", False),
        ("listen: :80\nauth: none", True),
        ("listen: :80\nclients: [{name: a, key: k}]", True),
        ("listen: localhost:80", True),
    ],
)
def test_open_to_others_only_when_it_is_written(text: str, accepted: bool, tmp_path: Path) -> None:
    if accepted:
        load_text(text, tmp_path)
    else:
        with pytest.raises(ConfigurationError, match="which others can reach"):
            load_text(text, tmp_path)


def test_the_file_is_found_by_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.yaml"
    path.write_text("strict: true")
    assert load(None, {"DRAGOMAN_CONFIG": str(path)}, PROVIDER_TYPES).strict
    assert not load(EXAMPLES / "minimal.yaml", {**ENVIRON, "DRAGOMAN_CONFIG": str(path)}, PROVIDER_TYPES).strict


def test_only_the_types_in_use_are_looked_up(tmp_path: Path) -> None:
    class Lazy(dict[str, Any]):
        def __missing__(self, key: str) -> object:
            raise AssertionError(key)

        def values(self) -> Any:
            raise AssertionError

        items = values

    types = Lazy(scripted=PROVIDER_TYPES["scripted"])
    path = tmp_path / "dragoman.yaml"
    path.write_text("providers: {x: {type: scripted}}")
    assert list(load(path, {}, types).providers) == ["x"]


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        (
            {"OPENAI_API_KEY": "canary", "OPENAI_BASE_URL": "http://canary"},
            [
                "configuration: environment variables, no file",
                "provider openai (type openai_chat), from OPENAI_API_KEY, OPENAI_BASE_URL",
                "clients: no key is asked for; only this machine reaches 127.0.0.1:8080",
            ],
        ),
        (
            {"DRAGOMAN_CLIENT_KEY": "canary"},
            [
                "configuration: environment variables, no file",
                "no provider is configured: set one of ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY, "
                f"PARROT_API_KEY, {', '.join(USUAL_DIALECTS)}, name a file with --config, or try `dragoman demo`",
                "clients: keys of default",
            ],
        ),
        (
            {"DRAGOMAN_AUTH": "none", "DRAGOMAN_LISTEN": ":80", "OPENAI_API_KEY": "canary"},
            [
                "configuration: environment variables, no file",
                "provider openai (type openai_chat), from OPENAI_API_KEY",
                "clients: no key is asked for (auth: none); everyone who reaches :80 may call",
            ],
        ),
    ],
)
def test_the_start_is_described_without_a_file(environ: Mapping[str, str], lines: list[str]) -> None:
    assert describe(load(None, environ, PROVIDER_TYPES)) == lines


def test_the_start_is_described_with_a_file() -> None:
    path = EXAMPLES / "dragoman.yaml"
    assert describe(load(path, ENVIRON, PROVIDER_TYPES)) == [
        f"configuration: {path}",
        "provider anthropic (type anthropic), from ANTHROPIC_API_KEY",
        "provider openai (type openai_chat), from OPENAI_API_KEY",
        "provider lab (type openai_chat)",
        "clients: keys of shop",
    ]


def test_keys_without_effect_are_reported(tmp_path: Path) -> None:
    assert not_yet(load_text("retention: 720h\nlimits: {body: 1MiB}", tmp_path)) == []
    loaded = load_text(
        "store: memory://\nretention: 1d\nunpriced: refuse\nauth: none\n"
        "providers: {x: {type: scripted, models: {m: {price: {input: 1, output: 1}}}}}\n"
        "models: {a: {targets: [x/m, x/n]}}\n"
        "clients: [{name: a, key: k, budget: {usd: 1, per: day}}]",
        tmp_path,
        {"DRAGOMAN_CLIENT_KEY": "canary", "DRAGOMAN_AUTH": "keys"},
    )
    said = warnings(loaded)
    assert said[: len(not_yet(loaded))] == not_yet(loaded)
    assert [line.split(": ")[0] for line in said] == [
        "models.a",
        *("auth", "DRAGOMAN_AUTH", "DRAGOMAN_CLIENT_KEY"),
    ]
    assert said[0] == "models.a: falling back and weights come with a later release; the first target is used"
    assert "canary" not in " ".join(said)


@pytest.mark.parametrize(
    ("written", "budgets"),
    [
        ("null", []),
        ("[]", []),
        ("{usd: 0.5, per: day}", [("0.5", "day")]),
        ("{usd: '0.000000000001', per: total}", [("0.000000000001", "total")]),
        ("[{usd: 1000000, per: month}, {usd: 0, per: day}]", [("1000000", "month"), ("0", "day")]),
    ],
)
def test_a_budget_is_one_or_a_list(written: str, budgets: list[tuple[str, str]], tmp_path: Path) -> None:
    (client,) = load_text(f"clients: [{{name: a, key: k, budget: {written}}}]", tmp_path).clients
    assert [(budget.usd, budget.per) for budget in client.budget] == [(Decimal(usd), per) for usd, per in budgets]


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().strict = True  # type: ignore[misc] # what the test is about


def test_without_a_file_no_yaml_is_loaded() -> None:
    code = (
        "import sys; from config.loader import load; load(None, {}, {}); "
        "assert not {'yaml', 'proxy', 'providers', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(config.__file__).parents[1])


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["x", "x/y", "x/*", "*", "10s", "1MB", ":80", "off", "${SHOP_KEY}", "${NO}", "scripted", "openai_chat"]
    ),
)
KEYS = st.one_of(
    st.sampled_from(
        [*fields_of(Settings), "x", "*", "type", "api_key", "nested", "name", "key", "file", "targets", "model",
         "price", "tiers", "capabilities", "allow", "mode", "listen", "timeout", "usd", "<<", "options"]
    ),
    st.text(max_size=5),
)  # fmt: skip
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)
PROVIDER = st.fixed_dictionaries(
    {"type": st.sampled_from(list(PROVIDER_TYPES))}, optional={"models": DATA, "timeout": DATA}
)
PLAUSIBLE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(fields_of(Settings), DATA) | {"providers": st.dictionaries(KEYS, PROVIDER, max_size=2)},
)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(st.dictionaries(KEYS, DATA, max_size=5) | PLAUSIBLE | DATA)
def test_loading_raises_only_configuration_errors(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    error = error_of(path)
    if error is not None:
        assert error.problems
        assert all(str(line).startswith(str(path)) for line in error.problems)
        assert "shop-canary" not in str(error)


@QUICK
@given(st.text(alphabet=st.sampled_from("a:&*!<|>-?[]{},#'\"%@` \n\t$0.~é\x00\ue000\ud7ff"), max_size=40) | st.text())
def test_any_text_is_a_configuration_or_an_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    error = error_of(path)
    assert error is None or len(str(error).splitlines()) == len(error.problems)
