"""The names of elements: every word of them is known, whatever stands in a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.usage.elements import ELEMENTS, OTHER, element_of, known_path

WORDS = frozenset(word for element in ELEMENTS for word in element.split(".")) | {"history", OTHER}


@pytest.mark.parametrize(
    ("path", "element", "shown"),
    [
        ("temperature", "temperature", "temperature"),
        ("tools[2]", "tools", "tools[2]"),
        ("input[3].content[0].detail", "input.content.detail", "input[3].content[0].detail"),
        ("history[3].content[0].detail", "input.content.detail", "history[3].content[0].detail"),
        ("text.format.schema.properties.secret", "text.format.schema", "text.format.schema"),
        ("tools[0].parameters.properties.temperature", "tools.parameters", "tools[0].parameters"),
        ("input[60]..input[80]", "input", "input[60]"),
        ("include[1]", "include", "include[1]"),
        ("tools[secret]", OTHER, OTHER),
        ("tools[1][secret]", OTHER, OTHER),
        ("secret", OTHER, OTHER),
        ("secret.tools", OTHER, OTHER),
        ("", OTHER, OTHER),
        (".", OTHER, OTHER),
        ("[0]", OTHER, OTHER),
    ],
)
def test_a_path_is_known_by_its_beginning(path: str, element: str, shown: str) -> None:
    assert element_of(path) == element
    assert known_path(path) == shown


@given(
    st.lists(st.one_of(st.sampled_from(sorted(WORDS)), st.text(max_size=10)), max_size=5),
    st.text("[]0123٣", max_size=4),
)
def test_every_word_is_one_of_the_table(segments: list[str], index: str) -> None:
    path = ".".join(segment + index for segment in segments)
    assert element_of(path) in ELEMENTS | {OTHER}
    for segment in known_path(path).split("."):
        word, _, rest = segment.partition("[")
        assert word in WORDS
        assert set(rest) <= set("[]0123456789")
