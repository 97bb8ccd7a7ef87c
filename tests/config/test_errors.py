from pathlib import Path

import pytest

from config.errors import ConfigurationError, Problem, path_text
from config.loader import load
from tests.config.fakes import ENVIRON, PROVIDER_TYPES, load_text

CHAT = "providers: {x: {type: openai_chat, api_key: sk-canary-1, %s}}"
CLIENT = "clients: [{name: shop, key: sk-canary-1, %s}]"
PROVIDER = "providers: {x: {type: scripted}}\n"

# the text of a file, and what is said after "dragoman.yaml: "
WRONG = [
    # unknown keys
    ("lisen: :80", "lisen: unknown key; did you mean 'listen'?"),
    ("limits: {bodi: 1}", "limits.bodi: unknown key; did you mean 'body'?"),
    ("metrics: {zzz: 1}", "metrics.zzz: unknown key; known keys: listen"),
    (CHAT % "time_out: {}", "providers.x.time_out: unknown key; did you mean 'timeout'?"),
    (CHAT % "timeout: {conect: 5}", "providers.x.timeout.conect: unknown key; did you mean 'connect'?"),
    (CHAT % "base_ulr: z", "providers.x.base_ulr: unknown key; did you mean 'base_url'?"),
    (CHAT % "nested: {dept: 1}", "providers.x.nested.dept: unknown key; did you mean 'depth'?"),
    (
        CHAT % "options: {}",
        "providers.x.options: unknown key; known keys: api_key, base_url, dialect, nested, headers, "
        "type, timeout, tls, breaker, concurrency, list_models, models",
    ),
    (CHAT % "models: {m: {prise: {}}}", "providers.x.models.m.prise: unknown key; did you mean 'price'?"),
    (
        CHAT % "models: {m: {price: {imput: 1, input: 1, output: 1}}}",
        "providers.x.models.m.price.imput: unknown key; did you mean 'input'?",
    ),
    (
        CHAT % "models: {m: {capabilities: {image: true}}}",
        "providers.x.models.m.capabilities.image: unknown key; did you mean 'images'?",
    ),
    (
        CHAT % "models: {m: {price: {input: 1, output: 1, tiers: [{above_input: 1, outputs: 2}]}}}",
        "providers.x.models.m.price.tiers[0].outputs: unknown key; did you mean 'output'?",
    ),
    (
        PROVIDER + "models: {a: {targets: [{model: x/y, wieght: 2}]}}",
        "models.a.targets[0].wieght: unknown key; did you mean 'weight'?",
    ),
    (PROVIDER + "models: {a: [{model: x/y, wieght: 2}]}", "models.a[0].wieght: unknown key; did you mean 'weight'?"),
    (
        CLIENT % "limits: {rpm: 5}",
        "clients[0].limits.rpm: unknown key; known keys: requests_per_minute, tokens_per_minute, "
        "concurrent_streams, default_output_tokens",
    ),
    (CLIENT % "budget: {usd: 5}", "clients[0].budget.per: is missing, expected a value"),
    (CLIENT % "budget: 5", "clients[0].budget: found 5, expected a list"),
    (
        CLIENT % "budget: {usd: 1000001, per: day}",
        "clients[0].budget.usd: found 1000001, expected a number not above 1000000",
    ),
    (
        CLIENT % "budget: {usd: '0.1234567890123', per: day}",
        "clients[0].budget.usd: found '0.1234567890123', expected a number with at most 12 decimals",
    ),
    (
        CLIENT % "budget: {usd: 1, per: week}",
        "clients[0].budget.per: found 'week', expected 'day', 'month' or 'total'",
    ),
    (
        CLIENT % "budget: [{usd: 1, per: day}, {usd: -1, per: month}]",
        "clients[0].budget[1].usd: found -1, expected a number not below 0",
    ),
    (
        CLIENT % "budget: [{usd: 1, per: day}, {usd: 2, per: day}]",
        "clients[0].budget: found a list, expected at most one budget per day, one per month and one in total",
    ),
    (
        CLIENT % "limits: {tokens_per_minute: 1000000001}",
        "clients[0].limits.tokens_per_minute: found 1000000001, expected a number not above 1000000000",
    ),
    ("models: {'a b': {targets: [x/y], target: []}}", "models['a b'].target: unknown key; did you mean 'targets'?"),
    # wrong values
    ("strict: maybe", "strict: found 'maybe', expected true or false"),
    ("strict: []", "strict: found a list, expected true or false"),
    ("auth: open", "auth: found 'open', expected 'keys' or 'none'"),
    ("history: 5", "history: found 5, expected 'refuse' or 'repair'"),
    ("providers: 5", "providers: found 5, expected a mapping"),
    ("providers: {x: text}", "providers.x: found text, expected a mapping"),
    ("providers: {x: }", "providers.x: found nothing, expected a mapping"),
    ("clients: {}", "clients: found a mapping, expected a list"),
    ("clients: [sk-canary-1]", "clients[0]: found text, expected a mapping"),
    (
        "listen: 8080",
        "listen: found 8080, expected HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 (all interfaces)",
    ),
    (
        "heartbeat: soon",
        "heartbeat: found 'soon', expected a duration such as 10s, 500ms, 2m, 1h, 30d or a number of seconds",
    ),
    ("limits: {body: much}", "limits.body: found 'much', expected a size such as 32MiB, 10MB or a number of bytes"),
    ("limits: {queue: -1}", "limits.queue: found -1, expected a number not below 0"),
    ("limits: {concurrency: true}", "limits.concurrency: found true, expected a number"),
    ("retry: {attempts: 0.5}", "retry.attempts: found 0.5, expected a whole number"),
    ("fetch: {mode: allow}", "fetch: found a mapping, expected {mode: off}, {mode: public} or {allow: [HOST, ...]}"),
    (
        "store: mysql://canary",
        "store: found a value that is not shown, expected memory://, sqlite:///FILE, redis://... or postgresql://...",
    ),
    (CHAT % "concurrency: 0", "providers.x.concurrency: found 0, expected a number not below 1"),
    (
        CHAT % "dialect: vlm",
        "providers.x.dialect: found 'vlm', expected 'auto', 'openai', 'vllm', 'groq', 'mistral' or 'xai'",
    ),
    (CHAT % "base_url: ftp", "providers.x.base_url: found 'ftp', expected a URL that begins with http:// or https://"),
    (
        CHAT % "base_url: 'ftp://u:canary@h'",
        "providers.x.base_url: found a value that is not shown, expected a URL that begins with http:// or https://",
    ),
    (CHAT % "nested: {flags: [true, x]}", "providers.x.nested.flags[1]: found 'x', expected true or false"),
    (CHAT % "nested: {depth: 3}", "providers.x.nested.depth: found 3; is not even"),
    (CHAT % "dialect: vllm", "providers.x: the dialect vllm needs a base_url, but the key is ***"),
    ("providers: {x: {type: anthropic, api_key: wrong-canary}}", "providers.x.api_key: the key *** is wrong"),
    (
        CHAT % "models: {m: {price: {input: -1, output: 1}}}",
        "providers.x.models.m.price.input: found -1, expected a number not below 0",
    ),
    (
        CHAT % "models: {m: {price: {input: 0.1234567, output: 1}}}",
        "providers.x.models.m.price.input: found 0.1234567, expected a number of at most 6 decimals",
    ),
    (CHAT % "models: {m: {price: {input: 1}}}", "providers.x.models.m.price.output: is missing, expected a value"),
    (
        CHAT % "models: {m: {capabilities: {images: perhaps}}}",
        "providers.x.models.m.capabilities.images: found 'perhaps', expected true or false",
    ),
    (CHAT % "models: {'m*': {}}", "providers.x.models['m*']: found 'm*', expected a model name without '*'"),
    (
        "providers: {'a/b': {type: scripted}}",
        "providers['a/b']: found 'a/b', expected a name of at most 64 letters, digits, '.', '_' and '-'",
    ),
    (
        "providers: {x: {type: antropic}}",
        "providers.x.type: found 'antropic', expected one of anthropic, gemini, openai_chat, parrot, scripted",
    ),
    (
        "providers: {x: {type: [1]}}",
        "providers.x.type: found a list, expected one of anthropic, gemini, openai_chat, parrot, scripted",
    ),
    (
        "providers: {x: {}}",
        "providers.x.type: is missing, expected one of anthropic, gemini, openai_chat, parrot, scripted",
    ),
    # names and targets
    ("models: {'a**': x/y}", "models['a**']: found 'a**', expected a name with at most one '*'"),
    (PROVIDER + "models: {a: y}", "models.a: found 'y', expected PROVIDER/MODEL, with at most one '*' in the model"),
    (
        PROVIDER + "models: {a: [x/y, 'x/']}",
        "models.a[1]: found 'x/', expected PROVIDER/MODEL, with at most one '*' in the model",
    ),
    (PROVIDER + "models: {a: []}", "models.a: found a list, expected at least one target"),
    (PROVIDER + "models: {a: {targets: [{weight: 1}]}}", "models.a.targets[0].model: is missing, expected a value"),
    (
        PROVIDER + "models: {a: {targets: [{model: x/y, weight: 0}]}}",
        "models.a.targets: found a list, expected a weight above zero",
    ),
    (PROVIDER + "models: {a: 5}", "models.a: found 5, expected a mapping"),
    (
        "providers: {lab: {type: scripted}}\nmodels: {a: lb/y}",
        "models.a: found 'lb/y', and no provider is named 'lb'; did you mean 'lab'?",
    ),
    (
        PROVIDER + "models: {a: [x/y, zzz/y]}",
        "models.a[1]: found 'zzz/y', and no provider is named 'zzz'; known providers: x",
    ),
    (
        "models: {a: {targets: [{model: zzz/y}]}}",
        "models.a.targets[0].model: found 'zzz/y', and no provider is named 'zzz'; no providers are known here",
    ),
    (
        PROVIDER + "models: {a: 'x/*'}",
        "models.a: found 'x/*', expected a model without '*', because the alias has none",
    ),
    (
        "default_model: nobody",
        "default_model: found 'nobody', expected an alias, PROVIDER/MODEL or a model that exactly one provider serves",
    ),
    (
        PROVIDER + "compaction: {model: y}",
        "compaction.model: found 'y', expected an alias, PROVIDER/MODEL or a model that exactly one provider serves",
    ),
    ("compaction: {modle: x/y}", "compaction.modle: unknown key; did you mean 'model'?"),
    ("compaction: {instructions: ''}", "compaction.instructions: found '', expected at least 1 characters"),
    # prompts
    ("prompts: []", "prompts: found a list, expected a mapping"),
    ("prompts: {a: Be brief.}", "prompts.a: found text, expected a mapping"),
    ("prompts: {a: {versions: {}}}", "prompts.a.versions: found a mapping, expected at least one version"),
    ("prompts: {a: {versions: {1: Be brief.}}}", "prompts.a.versions.1: found text, expected a mapping"),
    ("prompts: {a: {versions: {1: {}}, verson: 1}}", "prompts.a.verson: unknown key; did you mean 'version'?"),
    ("prompts: {a: {version: 3, versions: {1: {}, 2: {}}}}", "prompts.a.version: found '3', expected one of 1, 2"),
    (
        "prompts: {a: {version: 1.10, versions: {1.10: {}}}}",
        "prompts.a.version: found 1.1, expected text: put a version such as 1.10 in quotes",
    ),
    (
        "prompts: {a b: {instructions: x}}",
        "prompts['a b']: found 'a b', expected a name of at most 64 letters, digits, '.', '_' and '-'",
    ),
    # clients and keys
    ("clients: [{name: shop}]", "clients[0].key: is missing, expected a value"),
    (
        "clients: [{name: shop, key: 12345678}]",
        "clients[0].key: found a value that is not shown, expected text: put a key of digits in quotes",
    ),
    ("clients: [{name: shop, key: ' '}]", "clients[0].key: is empty"),
    (
        "clients: [{name: shop, key: [sk-canary-1]}]",
        "clients[0].key: found a list, expected text, ${VARIABLE} or {file: PATH}",
    ),
    (CLIENT % "models: ['*a*']", "clients[0].models[0]: found '*a*', expected a name with at most one '*'"),
    (CLIENT % "budget: {usd: 5, per: week}", "clients[0].budget.per: found 'week', expected 'day', 'month' or 'total'"),
    (
        "clients: [{name: a, key: sk-canary-1}, {name: a, key: k2}]",
        "clients[1].name: found the name of clients[0] again, expected a name of its own for each client",
    ),
    (
        "clients: [{name: a, key: sk-canary-1}, {name: b, key: sk-canary-1}]",
        "clients[1].key: found the key of clients[0] again, expected a key of its own for each client",
    ),
    (
        "seal_keys: [{id: a.b, key: sk-canary-1}]",
        "seal_keys[0].id: found a value that is not shown, expected at most 32 letters, digits, '_' and '-'",
    ),
    (
        "seal_keys: [{id: a, key: k1}, {id: a, key: k2}]",
        "seal_keys[1].id: found the id of seal_keys[0] again, expected an id of its own for each key",
    ),
    (
        "listen: :8080",
        "listen: found ':8080', which others can reach, and no client keys, expected a loopback address "
        "such as 127.0.0.1:8080; or configure `clients`, or write `auth: none` to let everyone in",
    ),
    # variables
    (
        "default_model: ${NOWHERE}",
        "default_model: the environment variable NOWHERE is not set; set it, or write $${ for the characters ${",
    ),
    ("clients: [{name: ${A-B}, key: k}]", None),
    (
        "default_model: 'a${B'",
        "default_model: found '${' without a variable; write ${VARIABLE}, or $${ for the characters ${",
    ),
    (
        "default_model: ${SHOP_KEY}",
        "default_model: found a value that is not shown, expected an alias, PROVIDER/MODEL or "
        "a model that exactly one provider serves",
    ),
    # the file itself
    ("strict: true\nstrict: false", "line 2, column 1: found the key 'strict' a second time in one mapping"),
    (
        "limits:\n  body: 1\n  queue: 2\n  body: 1",
        "line 4, column 3: found the key 'body' a second time in one mapping",
    ),
    ("models: {a: b", "line 1, column 14: expected ',' or '}', but got '<stream end>'"),
    ("clients: [{name: shop, key: *sk-canary-1}]", "line 1, column 29: found undefined alias '...'"),
    ("clients: [{name: shop, key: !sk-canary-1 x}]", "line 1, column 29: found a tag that has no meaning here"),
    ("store: !!python/object:os.system x", "line 1, column 8: found a tag that has no meaning here"),
    ("a: &a [*a]", "line 1, column 4: found an alias to the mapping or list that it stands in"),
    ("? [a]\n: b", "line 1, column 3: found a mapping or list as a key"),
    ("<<: 5", "line 1, column 5: found '<<' with something else than a mapping"),
    ("a: 1\n---\nb: 1", "line 2, column 1: expected a single document in the stream, but found another document"),
    ("a: \x07", "line 1: found a character that YAML does not allow"),
    ("a\tb: [", None),
    ("- a", "found no keys, expected a mapping of settings"),
    ("just text", "found no keys, expected a mapping of settings"),
    ("[" * 5000, "is nested too deeply"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text[:60] for text, _ in WRONG])
def test_an_error_says_file_path_found_and_allowed(text: str, said: str | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, tmp_path)
    shown = str(caught.value)
    assert all(line.startswith(f"{tmp_path / 'dragoman.yaml'}: ") for line in shown.splitlines())
    assert "canary" not in shown
    if said is not None:
        assert shown == f"{tmp_path / 'dragoman.yaml'}: {said}"


def test_all_problems_are_shown_one_a_line(tmp_path: Path) -> None:
    text = "strict: maybe\nlisen: x\nproviders: {a: {type: zzz}, b: {type: openai_chat, api_key: k, dialect: q}}"
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, tmp_path)
    assert [problem.path for problem in caught.value.problems] == [
        "providers.a.type", "providers.b.dialect", "strict", "lisen",
    ]  # fmt: skip
    assert len(str(caught.value).splitlines()) == 4
    first = caught.value.problems[0]
    assert first == Problem(first.file, "providers.a.type", "found 'zzz'", first.allowed)
    assert first.allowed.startswith("expected one of anthropic")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read: No such file or directory$"):
        load(missing, ENVIRON, PROVIDER_TYPES)
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read"):
        load(None, {"DRAGOMAN_CONFIG": str(missing)}, PROVIDER_TYPES)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"binary\.yaml: is not UTF-8 text$"):
        load(binary, ENVIRON, PROVIDER_TYPES)


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name, said in (
        ("nowhere", f"cannot read {tmp_path / 'nowhere'}: No such file or directory"),
        ("empty", "is empty"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load_text(f"clients: [{{name: a, key: {{file: {name}}}}}]", tmp_path)
        assert str(caught.value).endswith(f"clients[0].key: {said}")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        ((), ""),
        (("a", "b-c", 0, "d"), "a.b-c[0].d"),
        (("models", "claude-*", "targets"), "models['claude-*'].targets"),
        (("models", "gpt-4.1"), "models['gpt-4.1']"),
        (("a\nb",), "['a\\nb']"),
    ],
)
def test_paths_are_on_one_line(location: tuple[str | int, ...], text: str) -> None:
    assert path_text(location) == text
