"""Reading a run of text chunks by what differs gives what reading each in full gives."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.repetition import RepeatedText

MEMBER = b'"content"'


def chunk(text: str, *, ascii_only: bool = False, **members: Any) -> bytes:
    return json.dumps(
        {"id": "x", "choices": [{"index": 0, "delta": {"content": text}}], **members}, ensure_ascii=ascii_only
    ).encode()


def learned(text: str = "a", **members: Any) -> RepeatedText:
    run = RepeatedText()
    run.learn(chunk(text, **members), MEMBER, text)
    return run


def test_nothing_is_known_at_first() -> None:
    assert RepeatedText().text(chunk("a")) is None


def test_the_text_of_a_chunk_that_goes_on_is_read() -> None:
    assert learned().text(chunk('b "c" \\ \n é 😀')) == 'b "c" \\ \n é 😀'


def test_an_empty_text_is_a_text() -> None:
    assert learned().text(chunk("")) == ""


def test_another_value_anywhere_else_does_not_fit() -> None:
    assert learned().text(chunk("b", usage={"n": 1})) is None
    assert learned().text(chunk("b").replace(b'"index": 0', b'"index": 1')) is None


def test_a_run_that_is_over_is_forgotten() -> None:
    run = learned()
    run.forget()
    assert run.text(chunk("b")) is None


@pytest.mark.parametrize("piece", [b'b", "c": "d', b'b"}, {"content": "c', b"b\\", b"\xff", b"\n"])
def test_what_is_not_one_json_string_does_not_fit(piece: bytes) -> None:
    before, _, after = chunk("@").partition(b"@")
    assert learned("@").text(before + piece + after) is None


def test_a_member_that_stands_twice_teaches_nothing() -> None:
    twice = chunk("a", message={"content": "a"})
    run = RepeatedText()
    run.learn(twice, MEMBER, "a")
    assert run.text(twice) is None


def test_a_text_that_is_not_the_member_s_teaches_nothing() -> None:
    run = RepeatedText()
    run.learn(chunk("a"), MEMBER, "b")
    assert run.text(chunk("a")) is None


@given(st.text(), st.lists(st.text()), st.booleans())
def test_it_reads_what_the_parser_reads(first: str, texts: list[str], ascii_only: bool) -> None:
    run = RepeatedText()
    run.learn(_encoded(first, ascii_only), MEMBER, first)
    for text in texts:
        data = _encoded(text, ascii_only)
        assert run.text(data) in (None, orjson.loads(data)["choices"][0]["delta"]["content"])


@given(st.text(max_size=5), st.binary(max_size=30))
def test_bytes_of_any_kind_never_give_a_text_that_the_parser_does_not_see(first: str, piece: bytes) -> None:
    run = RepeatedText()
    data = _encoded(first, ascii_only=False)
    run.learn(data, MEMBER, first)
    string = json.dumps(first, ensure_ascii=False).encode()
    changed = data.replace(string, piece, 1) if string in data else piece
    text = run.text(changed)
    if text is not None:
        assert orjson.loads(changed)["choices"][0]["delta"]["content"] == text


def _encoded(text: str, ascii_only: bool) -> bytes:
    text = text.encode("utf-8", "replace").decode()
    return chunk(text, ascii_only=ascii_only)
