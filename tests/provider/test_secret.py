"""Secrets: they show themselves to nobody, and follow their file."""

import copy
import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from proxy.provider.secret import Secret

KEY = "sk-very-secret"


class Settings(BaseModel):
    """Settings with a key."""

    api_key: Secret


def rotate(path: Path, value: str) -> None:
    """Put another file in its place, as mounted secrets are swapped."""
    other = path.with_suffix(".new")
    other.write_text(value)
    other.replace(path)


def test_text_is_revealed_without_the_space_around_it() -> None:
    assert Secret(f" {KEY}\n").reveal() == KEY


def test_it_shows_itself_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    for secret in (Secret(KEY), Secret(path=path)):
        settings = Settings(api_key=secret)
        for text in (repr(secret), str(secret), f"{secret}", repr([secret]), repr(settings), str(settings)):
            assert KEY not in text
            assert "***" in text


def test_an_error_of_the_settings_does_not_show_it() -> None:
    for wrong in ({"file": "/nowhere/key", "more": KEY}, [KEY], 5, "", {"file": 5}, None):
        with pytest.raises(ValidationError) as caught:
            Settings.model_validate({"api_key": wrong})
        assert all(KEY not in detail["msg"] for detail in caught.value.errors())


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first\n")
    secret = Secret(path=path)
    assert secret.reveal() == "first"
    rotate(path, "second\n")
    assert secret.reveal() == "second"
    path.write_text("third")
    os.utime(path, ns=(1, 1))
    assert secret.reveal() == "third"


def test_a_file_is_not_read_again_while_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    secret = Secret(path=path)
    monkeypatch.setattr(Path, "read_text", lambda *arguments, **more: pytest.fail("was read"))
    assert secret.reveal() == KEY


def test_a_file_that_vanishes_keeps_its_last_value(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first")
    secret = Secret(path=path)
    path.unlink()
    assert secret.reveal() == "first"
    path.write_text("second")
    assert secret.reveal() == "second"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"], ids=["empty", "blank", "no-text"])
def test_a_file_without_a_key_keeps_its_last_value_until_there_is_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    secret = Secret(path=path)
    path.write_bytes(content)
    assert secret.reveal() == KEY
    path.write_text("sk-next-0123456789")
    assert secret.reveal() == "sk-next-0123456789"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"], ids=["empty", "blank", "no-text"])
def test_a_file_that_never_held_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        Secret(path=path)


def test_a_file_that_never_was_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    with pytest.raises(OSError, match="missing"):
        Secret(path=path)
    with pytest.raises(ValidationError, match=f"cannot read {path}"):
        Settings.model_validate({"api_key": {"file": str(path)}})


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_empty_text_is_no_secret(value: str) -> None:
    with pytest.raises(ValidationError, match="is empty"):
        Settings.model_validate({"api_key": value})


def test_settings_take_text_a_file_and_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    for given in (KEY, {"file": str(path)}, Secret(KEY)):
        assert Settings.model_validate({"api_key": given}).api_key.reveal() == KEY


def test_equality_is_that_of_the_value(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    assert Secret(KEY) == Secret(KEY) == Secret(path=path)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY


def test_the_fingerprint_stands_for_the_value_and_does_not_tell_it() -> None:
    one, same, other = Secret(KEY).fingerprint(), Secret(KEY).fingerprint(), Secret("other").fingerprint()
    assert one == same != other
    assert len(one) == 16
    assert KEY not in one


def test_a_copy_is_a_secret_too() -> None:
    assert copy.copy(Secret(KEY)).reveal() == KEY
