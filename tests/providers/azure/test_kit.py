"""The conformance kit over both APIs of Azure."""

import pytest

from proxy.testing import Check, checks
from tests.providers.azure.exchanges import provider, recorded

RESPONSES = checks(provider(), recorded("azure_openai_responses"), models=("gpt-5.6-sol",))
CHAT = checks(provider(api="chat"), recorded("azure_openai_chat"), models=("gpt-4.1", "mistral-large-2411"))


@pytest.mark.parametrize("check", RESPONSES, ids=str)
def test_responses_on_azure_conform(check: Check) -> None:
    assert check.run() == []


@pytest.mark.parametrize("check", CHAT, ids=str)
def test_chat_completions_on_azure_conform(check: Check) -> None:
    assert check.run() == []
