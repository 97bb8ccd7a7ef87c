"""The short way for plain histories: what it lets through is exactly what the full validation would make of it."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses import request
from proxy.responses.errors import ResponsesError
from proxy.responses.request import CREATE, LONG_HISTORY, PLAIN_PART, are_plain, parse_create

TEXTS = st.sampled_from(["", "a", "é🙂\u2028", "\x00", "x" * 100])
VALUES: st.SearchStrategy[Any] = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-1, 1), st.just([]), st.just({}), st.just("message"), st.just(["a"])
)
KINDS = st.sampled_from(["input_text", "output_text", "refusal", "input_image", "text", None, 1])
ROLES = st.sampled_from([*PLAIN_PART, "tool", "", None, 1])


def plain(role: str, *texts: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": role,
        "content": [{"type": PLAIN_PART[role], "text": text} for text in texts],
    }


PLAIN_ITEMS = st.builds(
    lambda role, texts: plain(role, *texts),
    st.sampled_from(sorted(PLAIN_PART)),
    st.lists(TEXTS, min_size=1, max_size=3),
)
NEARLY_PLAIN_PARTS = st.one_of(
    st.fixed_dictionaries({"type": KINDS, "text": TEXTS}),
    st.fixed_dictionaries({"type": KINDS, "text": VALUES}),
    st.fixed_dictionaries({"type": KINDS}, optional={"text": VALUES, "annotations": VALUES, "refusal": VALUES}),
    VALUES,
)
NEARLY_PLAIN_ITEMS: st.SearchStrategy[Any] = st.one_of(
    PLAIN_ITEMS,
    st.fixed_dictionaries(
        {"type": st.just("message"), "role": ROLES, "content": st.lists(NEARLY_PLAIN_PARTS, max_size=2)}
    ),
    st.fixed_dictionaries(
        {"role": ROLES, "content": VALUES}, optional={"type": VALUES, "id": VALUES, "status": VALUES}
    ),
    st.fixed_dictionaries({"type": VALUES, "id": TEXTS, "status": VALUES}),
    VALUES,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(NEARLY_PLAIN_ITEMS, max_size=3))
def test_what_counts_as_plain_passes_the_full_validation_unchanged(items: list[Any]) -> None:
    if not are_plain(items):
        return
    before = copy.deepcopy(items)
    validated = CREATE.validate({"model": "m", "input": items})
    assert validated["input"] == before == items


@settings(deadline=None)
@given(st.lists(PLAIN_ITEMS, max_size=4))
def test_messages_of_texts_are_plain(items: list[dict[str, Any]]) -> None:
    assert are_plain(items)


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "message", "role": "user", "content": "a"},
        {"type": "message", "role": "user", "content": []},
        {"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": 1}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text"}, {"type": "input_text"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a", "extra": 1}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}], "status": "completed"},
        {"type": "message", "role": "tool", "content": [{"type": None, "text": "a"}]},
        {"type": "message", "role": ["user"], "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "summary": [], "id": "rs_1"},
        "a",
        None,
        [],
    ],
)
def test_everything_else_is_not(item: object) -> None:
    assert not are_plain([plain("user", "a"), item])


def test_a_text_beyond_the_limit_is_not_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "MAX_TEXT_LENGTH", 3)
    assert are_plain([plain("user", "abc")])
    assert not are_plain([plain("user", "abcd")])


def test_a_long_plain_history_is_parsed_like_a_short_one() -> None:
    items = [plain("user", "a"), plain("assistant", "b", "c")] * LONG_HISTORY
    body = {"model": "m", "input": items, "temperature": 0.5, "metadata": {"a": "b"}}
    parsed = parse_create(body)
    assert parsed.input == CREATE.validate(body)["input"]
    assert (parsed.temperature, parsed.metadata) == (0.5, {"a": "b"})
    assert parsed.given == {"model", "input", "temperature", "metadata"}


def test_a_long_plain_history_hides_no_other_mistake() -> None:
    items = [plain("user", "a")] * LONG_HISTORY
    for wrong in ({"temperature": 9}, {"tools": [{"type": "odd"}]}, {"surplus": 1}):
        with pytest.raises(ResponsesError) as caught:
            parse_create({"model": "m", "input": items, **wrong})
        assert caught.value.status == 400
        assert (caught.value.param or "").split("[")[0] in wrong


def test_a_mistake_in_a_long_history_is_found_where_it_is() -> None:
    items: list[Any] = [plain("user", "a") for _ in range(LONG_HISTORY)]
    items[11]["content"][0]["text"] = 5
    with pytest.raises(ResponsesError) as caught:
        parse_create({"model": "m", "input": items})
    assert caught.value.param == "input[11].content[0].text"
