"""The dictionary says what the code does."""

from pathlib import Path

import orjson
import pytest

from tests.dictionary.dictionary import ENTRIES, completed

FILES = sorted(ENTRIES.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_entry_is_what_the_providers_make_of_the_request(file: Path) -> None:
    written = file.read_bytes()
    assert written == completed(orjson.loads(written)), "run `make docs` and look at what has changed"


def test_there_is_a_dictionary() -> None:
    assert len(FILES) >= 25
