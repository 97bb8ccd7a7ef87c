"""Token counts where the vendor gives none, and where it does."""

import pytest

from tests.vendors.gateway import Gateway

SILENT_ABOUT_TOKENS = "/usage none\n/say one two three four"


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_vendor_s_numbers_the_tokens_are_estimated(gateway: Gateway, stream: bool) -> None:
    answer = await gateway.create(model="toy/any", input=SILENT_ABOUT_TOKENS, stream=stream)
    usage = (answer.terminal["response"] if stream else answer.response)["usage"]
    assert usage["output_tokens"] == 4
    assert usage["input_tokens"] > 4
    assert await gateway.metric("dragoman_tokens_total", kind="output", source="estimated") == 4
    assert await gateway.metric("dragoman_tokens_total", source="provider") == 0
    if not stream:
        assert answer.headers["x-dragoman-usage-source"] == "estimated"


async def test_a_vendor_s_numbers_are_not_estimated(gateway: Gateway) -> None:
    answer = await gateway.create(model="toy/any", input="/usage in=7 out=3\n/say one two three four")
    assert answer.response["usage"]["output_tokens"] == 3
    assert "x-dragoman-usage-source" not in answer.headers
    assert await gateway.metric("dragoman_tokens_total", source="estimated") == 0


async def test_the_time_to_the_first_token_is_observed_for_a_stream_that_comes_at_once(gateway: Gateway) -> None:
    await gateway.create(model="toy/any", input="/say one", stream=True)
    assert await gateway.metric("dragoman_time_to_first_token_seconds_count") == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_tokens_of_an_answer_that_fails_before_its_output_are_counted(gateway: Gateway, stream: bool) -> None:
    script = "/usage in=7 out=3\n/error It broke."
    answer = await gateway.create(model="toy/any", input=script, stream=stream)
    assert answer.status == 502
    # The input was read twice, once an attempt.
    assert await gateway.metric("dragoman_tokens_total", kind="input", source="provider") == 14
    assert await gateway.metric("dragoman_tokens_total", source="estimated") == 0
