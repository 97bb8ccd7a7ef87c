"""Headers with credentials: those that are masked are those that are sent."""

from typing import Any

import pytest

from proxy.app import Plugins
from proxy.provider.contract import Call, HttpAnswer


class NoHttp:
    """A client that nobody may use."""

    async def request(self, *_: object, **__: object) -> HttpAnswer:
        raise AssertionError("a credential that is configured is not asked for")


@pytest.mark.parametrize(
    ("type_name", "options"),
    [
        ("anthropic", {"api_key": "sk-one"}),
        ("anthropic", {}),
        ("gemini", {"api_key": "sk-one"}),
        ("gemini", {}),
        ("openai_chat", {"api_key": "sk-one", "organization": "org-one", "project": "proj-one"}),
        ("openai_chat", {"api_key": "sk-one"}),
        ("openai_chat", {}),
        ("scripted", {}),
    ],
)
async def test_every_header_of_a_credential_is_named(type_name: str, options: dict[str, Any]) -> None:
    known = Plugins().provider(type_name)
    provider = known(known.Settings.model_validate(options), "house")
    headers = await provider.authorize(Call("/", b"{}"), NoHttp())
    assert list(headers) == list(provider.credential_headers())


def test_every_shipped_type_is_tried() -> None:
    tried = {"anthropic", "gemini", "openai_chat", "scripted"}
    assert tried == set(Plugins())
