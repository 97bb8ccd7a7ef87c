"""The input of a custom tool, wrapped into a function's arguments and taken out again."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.responses.custom_input import InputReader, unwrapped, wrapped

PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-print(\"é\\t🙂\")\n+print('\\u0041')\n*** End Patch\n"


def read(pieces: list[str]) -> str:
    reader = InputReader()
    return "".join([*map(reader.feed, pieces), reader.end()])


def test_an_input_is_the_same_after_the_way_there_and_back() -> None:
    assert unwrapped(wrapped(PATCH)) == PATCH


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("before", ["", " \n "])
def test_arguments_may_be_cut_anywhere(ascii_only: bool, before: str) -> None:
    arguments = before + json.dumps({"input": PATCH}, ensure_ascii=ascii_only)
    for cut in range(len(arguments) + 1):
        assert read([arguments[:cut], arguments[cut:]]) == PATCH
    assert read(list(arguments)) == PATCH


def test_what_is_decoded_is_shown_at_once() -> None:
    reader = InputReader()
    assert reader.feed('{"input": "one ') == "one "
    assert reader.feed("two\\") == "two"
    assert reader.feed("nthree \\ud83d") == "\nthree "
    assert reader.feed("\\ude42") == "🙂"
    assert reader.feed('"}') == ""
    assert reader.end() == ""


@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.integers(0, 200)), st.booleans())
def test_any_text_comes_back_however_it_is_cut(text: str, cuts: list[int], ascii_only: bool) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    places = sorted({0, len(arguments), *(cut for cut in cuts if cut < len(arguments))})
    pieces = [arguments[start:end] for start, end in itertools.pairwise(places)]
    assert read(pieces) == text == unwrapped(arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("*** Begin Patch\n", "*** Begin Patch\n"),
        ('{"patch": "x"}', '{"patch": "x"}'),
        ('{"why": "w", "input": "x"}', "x"),
        ('{"input": {"a": 1}}', '{"a": 1}'),
        ('{"input": null}', "null"),
        ('["x"]', '["x"]'),
        ("", ""),
        ("{}", ""),
        ('{"input": "raw\nline"}', "raw\nline"),
        ('{"input": "bad \\q escape"}', "bad \\q escape"),
        ('{"input": "half \\ud83d."}', "half \ufffd."),
        ("{" * 100_000, "{" * 100_000),
    ],
)
def test_a_model_that_does_not_keep_to_the_form_is_read_as_well_as_can_be(arguments: str, text: str) -> None:
    assert read([*arguments[:200], arguments[200:]]) == text


def test_an_input_that_is_cut_ends_where_it_was_cut() -> None:
    assert read(['{"input": "one\\ntw']) == "one\ntw"
    assert read(['{"input": "one\\']) == "one"
    assert read(['{"inp']) == '{"inp'


@given(st.lists(st.text(st.sampled_from('{}"\\:input nu0dDc8 \n'), max_size=12)))
def test_no_arguments_break_the_reader(pieces: list[str]) -> None:
    read(pieces).encode()
