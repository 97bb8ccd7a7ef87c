"""Any conversation becomes contents that keep the vendor's rules."""

from collections import Counter
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.gemini.signatures import CALL, PLACEHOLDER, TEXT, TURN
from proxy.provider.history import HistoryItem, ReasoningItem
from tests.providers.gemini.requests import (
    FLASH_3,
    FLASH_25,
    PNG,
    assistant,
    call,
    developer,
    encoded,
    result,
    signed,
    text,
    user,
)

KINDS = st.sampled_from([(CALL, "next"), (CALL, "self"), (TEXT, "next"), (TEXT, "previous"), (TURN, "turn_end")])
OUTPUTS: st.SearchStrategy[Any] = st.sampled_from(["3 C", '{"t": 3}', [text("A"), PNG]])
SAID = st.sampled_from(["user", "assistant", "developer"])


@st.composite
def conversations(draw: st.DrawFn) -> list[HistoryItem]:
    """Items as the core guarantees them: the calls of a step stand together, their results follow at once."""
    items: list[HistoryItem] = []

    def thoughts() -> None:
        for kind, binds in draw(st.lists(KINDS, max_size=2)):
            payload = orjson.dumps(len(items)).hex().zfill(8)
            items.append(signed(kind, payload, binds, f"input[{len(items)}]"))

    for turn in range(draw(st.integers(0, 5))):
        thoughts()
        if draw(st.booleans()):
            build = {"user": user, "assistant": assistant, "developer": developer}[draw(SAID)]
            items.append(build(f"text {turn}", path=f"input[{len(items)}]"))
            continue
        ids = [f"c{turn}-{index}" for index in range(draw(st.integers(1, 3)))]
        for call_id in ids:
            items.append(call(call_id))
            thoughts()
        items += [result(draw(OUTPUTS), call_id) for call_id in ids]
    return items


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(conversations(), st.sampled_from([FLASH_3, FLASH_25]))
def test_the_vendors_rules_are_kept(items: list[HistoryItem], model: str) -> None:
    body, lost = encoded(*items, model=model)
    contents = body["contents"]
    assert contents[0]["role"] == "user"
    assert contents[-1]["role"] == "user"
    for before, after in pairwise([{"role": "user", "parts": [{"text": ""}]}, *contents]):
        called = [part["functionCall"]["id"] for part in before["parts"] if "functionCall" in part]
        answered = [part["functionResponse"]["id"] for part in after["parts"] if "functionResponse" in part]
        assert called == answered
        assert len(answered) in (0, len(after["parts"]))
        assert before["role"] != "model" or after["role"] == "user"
    _signatures(contents, items, lost, placeholders=model == FLASH_3)


def _signatures(contents: list[Any], items: list[HistoryItem], lost: list[str], *, placeholders: bool) -> None:
    """Each signature stands once, on a part of its kind, or its loss is declared."""
    proofs = {item.proof.payload: item for item in items if isinstance(item, ReasoningItem) and item.proof}
    found = Counter[str]()
    for content in contents:
        for part in content["parts"]:
            signature = part.get("thoughtSignature")
            if signature is None:
                continue
            assert content["role"] == "model"
            if signature == PLACEHOLDER:
                assert placeholders
                assert "functionCall" in part
                continue
            found[signature] += 1
            proof = proofs[signature].proof
            assert proof is not None
            assert proof.kind == (CALL if "functionCall" in part else TEXT if part["text"] else TURN)
    assert set(found.values()) <= {1}
    declared = [path.removeprefix("ignored ") for path in lost if path.startswith("ignored input[")]
    assert sorted(declared) == sorted(item.path for payload, item in proofs.items() if payload not in found)
