"""Files inside a request: what kind they are, and what their text is."""

import base64
from typing import Any

import pytest

from proxy.provider.media import PDF, Media, data_url, decoded_text, file_media, is_text, type_by_ending


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("data:image/png;base64,AAAA", Media("image/png", "AAAA")),
        ("DATA:IMAGE/PNG;charset=x;BASE64,AA,A", Media("image/png", "AA,A")),
        ("data:;base64,AAAA", Media("", "AAAA")),
        ("data:image/png,AAAA", None),
        ("data:image/png;base64", None),
        ("https://example.com/a.png", None),
        ("", None),
    ],
)
def test_data_urls(url: str, media: Media | None) -> None:
    assert data_url(url) == media


@pytest.mark.parametrize(
    ("data", "filename", "media_type"),
    [
        ("data:text/csv;base64,AAAA", "a.pdf", "text/csv"),
        ("data:application/octet-stream;base64,AAAA", "a.PDF", PDF),
        ("AAAA", "notes.of.may.md", "text/plain"),
        ("AAAA", "a.unknown", ""),
        ("AAAA", None, ""),
        ("JVBERi0xLjQ=", None, PDF),
        ("JVBERi0xLjQ=", "a.png", "image/png"),
    ],
)
def test_the_type_is_declared_or_told_by_the_ending_or_by_the_first_bytes(
    data: str, filename: Any, media_type: str
) -> None:
    media = file_media(data, filename)
    assert media is not None
    assert media.type == media_type


def test_a_data_url_that_is_not_base64_is_no_file() -> None:
    assert file_media("data:text/plain,Hello", "a.txt") is None


@pytest.mark.parametrize(("name", "media_type"), [("a.JPG", "image/jpeg"), ("/x/a.tar.py", "text/plain"), (".pdf", "")])
def test_endings(name: str, media_type: str) -> None:
    assert type_by_ending(name) == media_type


@pytest.mark.parametrize("media_type", ["text/x-python", "application/json", "application/ld+json", "image/svg+xml"])
def test_what_can_be_read_as_text(media_type: str) -> None:
    assert is_text(media_type)


@pytest.mark.parametrize("media_type", ["", PDF, "image/png", "application/zip"])
def test_what_cannot(media_type: str) -> None:
    assert not is_text(media_type)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (base64.b64encode("Grüße".encode()).decode(), "Grüße"),
        (base64.b64encode(b"\xef\xbb\xbfA").decode(), "A"),
        (base64.b64encode(b"\xff\xfe").decode(), None),
        ("!", None),
        ("", ""),
    ],
)
def test_texts(payload: str, text: str | None) -> None:
    assert decoded_text(payload) == text
