"""A model under a name of the operator's own behaves like the known model behind it."""

import pytest

from tests.vendors.gateway import Gateways
from tests.vendors.server import Vendor


@pytest.mark.parametrize(
    ("provider", "base_model", "told"),
    [
        ("chat", "gpt-4.1", b'"role":"system"'),
        ("chat", "gpt-5.6-sol", b'"role":"developer"'),
        ("google", "gemini-2.5-flash", b'"thinkingBudget":2048'),
        ("google", "gemini-4-argon", b'"thinkingLevel":"LOW"'),
        ("claude", "claude-haiku-4-5", b'"budget_tokens"'),
        ("claude", "claude-opus-5-5", b'"effort":"low"'),
    ],
)
async def test_the_base_model_tells_what_is_sent(
    gateways: Gateways, vendor: Vendor, provider: str, base_model: str, told: bytes
) -> None:
    gateway = await gateways.start(providers={provider: {"models": {"mine": {"base_model": base_model}}}})
    answer = await gateway.create(
        model=f"{provider}/mine", input="Hi", instructions="Be brief", reasoning={"effort": "low"}
    )
    assert answer.response["status"] == "completed"
    assert told in vendor.last.body
    assert b"mine" in vendor.last.body + vendor.last.path.encode()
