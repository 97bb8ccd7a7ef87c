"""What the documents say of the code is so: links and paths exist, tables name what there is and nothing else."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from prometheus_client import Gauge

from config.environment import USUAL_DIALECTS, USUAL_ENTRIES
from config.naming import FAMILIES
from config.settings import ProviderType
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from proxy.app import Plugins
from proxy.provider.capabilities import Capabilities
from proxy.usage.instruments import Counter, Histogram
from proxy.usage.metrics import Metrics
from tests.docs import capabilities, capability_answers, conversions, dialects, profiles, settings_tables
from tests.docs.markdown import DOCUMENTS, ROOT, anchors, links, names, prose

TOP = ("proxy", "providers", "config", "tests", "docs", "deploy", "requirements", ".ci")

_PATH = re.compile(r"[\w.][\w./-]*")
_METRIC_ROW = re.compile(r"^\| `((?:dragoman|gen_ai)_\w+)` \|([^|]*)\|", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_paths_exist(document: Path) -> None:
    for name in names(document):
        if _PATH.fullmatch(name) and name.startswith(tuple(f"{top}/" for top in TOP)):
            assert (ROOT / name).exists(), name


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    documented = {
        name: tuple(re.findall(r"`(\w+)`", labels))
        for name, labels in _METRIC_ROW.findall(prose(ROOT / "docs/operating.md"))
    }
    registry = Metrics().registry
    existing = {}
    for collector in registry._collector_to_names:
        match collector:
            case Counter():
                existing[f"{collector.name.removesuffix('_total')}_total"] = collector.label_names
            case Histogram():
                existing[collector.name] = collector.label_names
            case Gauge():
                existing[collector._name] = tuple(collector._labelnames)
            case _:
                raise AssertionError(collector)
    common = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
    conventional = {name: labels for name, labels in existing.items() if name.startswith("gen_ai_")}
    assert {name: (*common, *documented[name]) for name in conventional} == conventional
    assert documented.keys() == existing.keys()
    assert {name: labels for name, labels in documented.items() if name not in conventional} == {
        name: labels for name, labels in existing.items() if name not in conventional
    }


def _section(title: str) -> str:
    text = prose(ROOT / "docs/providers.md")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", Plugins())
def test_every_setting_of_a_provider_is_explained(name: str) -> None:
    provider_type: ProviderType = Plugins()[name]
    settings = set(provider_type.settings.model_fields)
    assert set(_ROW.findall(_section(name).partition("\n### ")[0])) == settings


def test_every_variable_and_every_family_of_the_configuration_is_explained() -> None:
    text = prose(ROOT / "docs/configuration.md")
    variables = {*USUAL_ENTRIES, *USUAL_DIALECTS}
    patterns = {pattern for family in FAMILIES for pattern in family.patterns}
    assert variables | patterns <= set(re.findall(r"`([^`\n]+)`", text))


def test_every_setting_is_in_its_table_with_its_default() -> None:
    text = settings_tables.DOCUMENT.read_text(encoding="utf-8")
    assert text == settings_tables.written(text), "run `make docs`"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("| `limits.queue` |", "| `limits.line` |", r"there is no limits\.line"),
        ("| `grace` |", "| grace |", "nothing is said of grace"),
    ],
)
def test_a_table_that_is_not_of_the_settings_is_no_table(old: str, new: str, words: str) -> None:
    text = settings_tables.DOCUMENT.read_text(encoding="utf-8").replace(old, new)
    with pytest.raises(ValueError, match=words):
        settings_tables.written(text)


def test_the_table_of_conversions_is_what_the_code_does() -> None:
    assert conversions.DOCUMENT.read_text(encoding="utf-8") == conversions.generated(), "run `make docs`"


def test_the_table_of_capabilities_is_what_the_code_does() -> None:
    assert capabilities.DOCUMENT.read_text(encoding="utf-8") == capabilities.generated(), "run `make docs`"


def test_every_provider_is_in_the_table_of_capabilities() -> None:
    columns = [column for table in capabilities.TABLES.values() for column in table]
    assert {column.type for column in columns} | {"scripted"} >= set(Plugins())
    shown = {column.options["dialect"] for column in columns if column.type == "openai_chat"}
    assert shown == set(DIALECTS) - {"mistral"}
    assert set(capability_answers.SAMPLES) == {column.title for column in capabilities.ANSWERED}


def test_what_is_made_from_the_dialects_is_up_to_date() -> None:
    document = dialects.DOCUMENT.read_text(encoding="utf-8")
    assert document == dialects.written(document, dialects.generated()), "run `make docs`"


def test_what_is_made_from_the_profiles_is_up_to_date() -> None:
    document = dialects.DOCUMENT.read_text(encoding="utf-8")
    assert document == profiles.written(document, profiles.generated()), "run `make docs`"


def test_every_server_has_a_name_and_every_member_of_a_row_has_words() -> None:
    assert set(DIALECTS) == set(dialects.SERVERS)
    for row in (Dialect, Capabilities):
        for field in fields(row):
            assert isinstance(dialects.words_of(field.name, DIALECTS["openai"]), str)


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    requirements = project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        requirements = requirements + extra
    for group in groups.values():
        requirements = requirements + group
    wanted = {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}  # type: ignore[index]
    table = prose(ROOT / "docs/architecture.md").partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    reasons = set(re.findall(r"`([\w.-]+)`", "\n".join(re.findall(r"^\| [^|(]*", table, re.MULTILINE))))
    assert wanted == reasons


def test_the_image_keeps_its_state_where_the_documents_say() -> None:
    lines = (ROOT / "deploy/docker/Dockerfile").read_text().splitlines()
    user = next(line for line in lines if line.startswith("USER ")).partition(" ")[2].partition(":")[0]
    folder = next(line for line in lines if line.startswith("ENV DRAGOMAN_STATE_DIR=")).partition("=")[2]
    assert f"VOLUME {folder}" in lines
    assert any(line.startswith("RUN ") and f"chown {user}:0 {folder}" in line for line in lines)
    assert f"-v dragoman:{folder} " in (ROOT / "docs/operating.md").read_text()


def test_the_image_can_reach_every_store() -> None:
    locked = re.findall(r"^([\w-]+)==", (ROOT / "requirements/runtime.lock").read_text(), re.MULTILINE)
    assert {"redis", "hiredis", "asyncpg", "uvloop"} <= set(locked)
