"""Files inside a request: what kind they are, and what their text is."""

import base64
from typing import Any

import pytest

from proxy.provider.media import (
    HEAD,
    PDF,
    Media,
    data_url,
    decoded_text,
    file_media,
    first_bytes,
    is_text,
    payload_start,
    sniffed,
    type_by_ending,
)


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


# --- first bytes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "payload"),
    [
        ("data:image/png;base64,AAAA", "AAAA"),
        ("DATA:IMAGE/PNG;charset=x;BASE64 ,AA,A", "AA,A"),
        ("data:;base64,", ""),
        ("data:image/png,AAAA", None),
        ("data:image/png;base64", None),
        ("data:", None),
        ("data:,", None),
        ("https://example.com/a;base64,b", None),
        ("data:" + "x" * 2000 + ";base64,AAAA", None),
    ],
)
def test_where_the_payload_begins(url: str, payload: str | None) -> None:
    start = payload_start(url)
    assert (None if start is None else url[start:]) == payload


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("", b""),
        (" \n", b""),
        ("QQ==", b"A"),
        ("QQ", b"A"),
        ("QU I=", b"AB"),
        ("QUJ\nD", b"ABC"),
        ("A", None),
        ("QQ==QQ==", None),
        ("====", None),
        ("QUJD-_==", None),
        ("QUJD!", None),
        ("https://example.com", None),
    ],
)
def test_the_first_bytes_of_a_short_payload(text: str, head: bytes | None) -> None:
    assert first_bytes(text) == head
    assert first_bytes("x:" + text, 2) == head


@pytest.mark.parametrize("size", [HEAD - 1, HEAD, HEAD + 1, HEAD + 2, HEAD + 3, 10 * HEAD])
def test_no_more_than_a_head_is_decoded(size: int) -> None:
    content = bytes(index * 7 % 251 for index in range(size))
    assert first_bytes(base64.b64encode(content).decode()) == content[:HEAD]
    broken = first_bytes(base64.encodebytes(content).decode())
    assert broken is not None
    assert len(broken) > 0.9 * min(size, HEAD)
    assert content.startswith(broken)


@pytest.mark.parametrize(
    "text",
    [
        "!" + "A" * 4000,
        "A" * 100 + "=" + "A" * 4000,
        "A" * 4000 + "...",
        "A" * 4000 + "[truncated]",
        "A" * 4000 + "===",
    ],
)
def test_what_is_not_base64_at_one_of_its_ends(text: str) -> None:
    assert first_bytes(text) is None


def box(brand: bytes, *compatible: bytes) -> bytes:
    content = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return (len(content) + 4).to_bytes(4) + content + b"rest avif"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a\1\0\1\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM\x46\0\0\0\0\0\0\0\x36", "image/bmp"),
        (b"II*\0\x08", "image/tiff"),
        (b"MM\0*\0", "image/tiff"),
        (b"\0\0\1\0\1\0", "image/x-icon"),
        (box(b"heic", b"mif1"), "image/heic"),
        (box(b"mif1", b"heic"), "image/heif"),
        (box(b"mif1", b"avif"), "image/avif"),
        (box(b"avif"), "image/avif"),
        (box(b"isom"), "video/mp4"),
        (box(b"qt  "), "video/quicktime"),
        (box(b"M4A "), "audio/mp4"),
        (b"%PDF-1.7\n", PDF),
        (b"\n\n%PDF-1.4", PDF),
        (b"x" * 500 + b"%PDF-1.4", PDF),
        (b"PK\3\4\x14\0", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"{\\rtf1\\ansi", "text/rtf"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"FORM\0\0\0\x24AIFF", "audio/aiff"),
        (b"ID3\4\0", "audio/mpeg"),
        (b"\xff\xfb\x90\0", "audio/mpeg"),
        (b"\xff\xf1\x50", "audio/aac"),
        (b"fLaC\0", "audio/flac"),
        (b"OggS\0", "audio/ogg"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/avi"),
        (b"\x1aE\xdf\xa3", "video/webm"),
        (b"\xef\xbb\xbf <!DOCTYPE HTML>", "text/html"),
        (b"\n<html lang=en>", "text/html"),
        (b"<svg xmlns=", "image/svg+xml"),
    ],
)
def test_what_the_first_bytes_show(head: bytes, media_type: str) -> None:
    assert sniffed(head) == media_type


@pytest.mark.parametrize(
    "head",
    [
        *(
            b"",
            b"\x89",
            b"\xff",
            b"\xff\xfe<\0",
            b"BMW drives",
            b"RIFF",
            b"12345678WEBP",
            b"a,b\n1,2",
            b"ftyp",
            b"GIF8",
        ),
        *(b"Hello", b"\0" * 40, b"\xff\xff\xff", b'{"a": 1}', b"MZ\x90\0"),
    ],
)
def test_what_shows_nothing(head: bytes) -> None:
    assert sniffed(head) == ""
