"""Headers with credentials: those that are masked are those that are sent."""

from typing import Any

import pytest

from proxy.app import Plugins
from proxy.provider.contract import Call, HttpAnswer


class NoHttp:
    """A client that nobody may use."""

    async def request(self, *_: object, **__: object) -> HttpAnswer:
        raise AssertionError("a credential that is configured is not asked for")


CREDENTIALS: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"api_key": "sk-one"}),
    ("anthropic", {}),
    ("azure", {"base_url": "https://r1.openai.azure.com", "api_key": "sk-one"}),
    ("azure", {"base_url": "https://r1.services.ai.azure.com/api/projects/p1", "api_key": "sk-one"}),
    ("bedrock", {"region": "us-east-1", "api_key": "sk-one"}),
    ("cohere", {"api_key": "sk-one"}),
    ("gemini", {"api_key": "sk-one"}),
    ("gemini", {}),
    ("mistral", {"api_key": "sk-one"}),
    ("ollama", {"api_key": "sk-one"}),
    ("ollama", {}),
    ("openai_chat", {"api_key": "sk-one", "organization": "org-one", "project": "proj-one"}),
    ("openai_chat", {"api_key": "sk-one"}),
    ("openai_chat", {}),
    ("responses", {"api_key": "sk-one", "organization": "org-one", "project": "proj-one"}),
    ("responses", {}),
    ("scripted", {}),
]


@pytest.mark.parametrize(("type_name", "options"), CREDENTIALS)
async def test_every_header_of_a_credential_is_named(type_name: str, options: dict[str, Any]) -> None:
    known = Plugins().provider(type_name)
    provider = known(known.Settings.model_validate(options), "house")
    headers = await provider.authorize(Call("/", b"{}"), NoHttp())
    assert list(headers) == list(provider.credential_headers())


def test_every_shipped_type_is_tried() -> None:
    assert {type_name for type_name, _ in CREDENTIALS} == set(Plugins())
