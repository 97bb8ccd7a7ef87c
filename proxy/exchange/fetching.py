"""Images and files that a client names by URL, for vendors that take their content only."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias
from urllib.parse import unquote, urlsplit

from proxy.exchange.media import check_pdf, image_type, replace_parts
from proxy.provider.contract import Prepared
from proxy.provider.conversions import refuse
from proxy.provider.history import Part
from proxy.provider.media import HEAD, PDF, UNTYPED, is_text, sniffed, type_by_ending
from proxy.responses.errors import ResponsesError, malformed_value
from proxy.upstream.fetcher import Failure, FetchedFile, Fetcher, FetchError

Kind: TypeAlias = Literal["image", "file"]


class Named(NamedTuple):
    """What a client names by URL, and as what."""

    kind: Kind
    url: str


FetchedMedia: TypeAlias = Mapping[Named, str]
"""Data URLs of what was fetched."""

NOTHING_FETCHED: Final[FetchedMedia] = MappingProxyType({})

CONCURRENCY: Final = 4
"""How many URLs of one request are fetched at a time."""

MAX_FETCHED: Final = 64 * 2**20
"""How many bytes are fetched for one request, in all."""

MAX_URLS: Final = 500
"""How many URLs are fetched for one request."""

PATIENCE: Final = 6
"""How long all the fetches for one request may take together, in times of what one may."""

MAX_INLINE: Final = 2**18
"""The largest content, in bytes, that is encoded on the event loop."""

_WEB: Final = ("http://", "https://")
_OFFICE: Final = (
    "application/msword",
    "application/rtf",
    "application/vnd.ms-",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
)
_MEDIA: Final = ("image/", "audio/", "video/")

_ACCEPT: Final[Mapping[Kind, str]] = {"image": "image/*", "file": "*/*"}

_CODES: Final[Mapping[Kind, Mapping[Failure, str]]] = {
    "image": {
        "invalid_url": "invalid_image_url",
        "refused": "invalid_image_url",
        "failed": "failed_to_download_image",
        "too_large": "image_too_large",
        "unsupported_type": "unsupported_image_media_type",
    },
    "file": {
        "invalid_url": "invalid_file_url",
        "refused": "invalid_file_url",
        "failed": "failed_to_download_file",
        "too_large": "file_too_large",
        "unsupported_type": "unsupported_file_media_type",
    },
}
"""Those of images are OpenAI's, those of files are formed after them."""


async def fetch_media(prepared: Prepared, fetcher: Fetcher | None, provider: str) -> FetchedMedia:
    """Put content in the place of the URLs that the target does not take; each is fetched once. Without a fetcher they
    are refused.

    Raises ResponsesError (400) naming the part, RefusedError where nothing is fetched.
    """
    wanted = _wanted(prepared)
    if not wanted:
        return NOTHING_FETCHED
    if fetcher is None:
        _refuse(*next(iter(wanted.items())), provider)
    if len(wanted) > MAX_URLS:
        place = next(islice(wanted.values(), MAX_URLS, None))
        raise malformed_value(place, f"at most {MAX_URLS} URLs are fetched for one request")
    source = fetcher
    fetched: dict[Named, str] = {}
    left = MAX_FETCHED

    async def fetch(named: Named, place: str) -> None:
        nonlocal left
        try:
            found = await source.fetch(named.url, _ACCEPT[named.kind], _TAKES[named.kind])
            left -= len(found.body)
            if left < 0:
                raise FetchError("too_large", f"what is fetched for the request is larger than {MAX_FETCHED} bytes")
        except FetchError as error:
            raise _error(named.kind, place, error) from None
        media_type = _media_type(named, found, place)
        fetched[named] = await _data_url(media_type, found.body)

    waiting = iter(wanted.items())

    async def work() -> None:
        for named, place in waiting:
            await fetch(named, place)

    tasks = [asyncio.ensure_future(work()) for _ in range(min(CONCURRENCY, len(wanted)))]
    try:
        async with asyncio.timeout(source.rules.timeout * PATIENCE):
            await asyncio.gather(*tasks)
    except TimeoutError:
        named, place = next(entry for entry in wanted.items() if entry[0] not in fetched)
        error = FetchError("failed", "what is fetched for the request took too long")
        raise _error(named.kind, place, error) from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    place_media(prepared, fetched)
    return fetched


def place_stand_ins(prepared: Prepared, fetcher: Fetcher | None, provider: str) -> FetchedMedia:
    """As `fetch_media`, with a small piece of content in the place of each that it would fetch."""
    wanted = _wanted(prepared)
    if fetcher is None and wanted:
        _refuse(*next(iter(wanted.items())), provider)
    stand_ins = {named: _stand_in(named) for named in wanted}
    place_media(prepared, stand_ins)
    return stand_ins


def place_media(prepared: Prepared, fetched: FetchedMedia) -> None:
    """Put what was fetched in the place of its URLs."""
    if not fetched:
        return

    def placed(part: Part, path: str) -> Part | None:
        named = _named(part)
        data = fetched.get(named) if named is not None else None
        if named is None or data is None:
            return None
        if named.kind == "image":
            return {**part, "image_url": data}
        rest = {key: value for key, value in part.items() if key != "file_url"}
        filename = part.get("filename") or _filename(named.url)
        return {**rest, "file_data": data, **({"filename": filename} if filename else {})}

    replace_parts(prepared, placed)


def _wanted(prepared: Prepared) -> dict[Named, str]:
    """What has to be fetched, each with the first place where it is named."""
    able = prepared.capabilities
    taken: Mapping[Kind, bool] = {"image": able.image_urls, "file": able.file_urls}
    found: dict[Named, str] = {}
    if all(taken.values()):
        return found

    def look(part: Part, path: str) -> None:
        named = _named(part)
        if named is not None and not taken[named.kind]:
            found.setdefault(named, f"{path}.{named.kind}_url")

    replace_parts(prepared, look)
    return found


def _named(part: Part) -> Named | None:
    """What a part names by a URL of the web, if it has no content."""
    kind: Kind = "image" if part["type"] == "input_image" else "file"
    url = part.get(f"{kind}_url")
    if not isinstance(url, str) or not url[:8].lower().startswith(_WEB) or (kind == "file" and part.get("file_data")):
        return None
    return Named(kind, url)


def _refuse(named: Named, place: str, provider: str) -> NoReturn:
    instead = "a data URL" if named.kind == "image" else "`file_data`"
    refuse(
        place,
        f"'{provider}' does not take {named.kind}s by URL, and this gateway is not configured to fetch them "
        f"(its configuration key `fetch`): send {instead}.",
        value=True,
    )


def _error(kind: Kind, place: str, error: FetchError) -> ResponsesError:
    return ResponsesError(
        400,
        f"The {kind} at '{place}' could not be fetched: {error.message}.",
        param=place,
        code=_CODES[kind][error.failure],
    )


# --- what was fetched -------------------------------------------------------------------------------------------------


def _takes_image(media_type: str) -> bool:
    return media_type in UNTYPED or media_type.startswith("image/")


def _takes_file(media_type: str) -> bool:
    return (
        media_type in UNTYPED or media_type == PDF or media_type.startswith((*_MEDIA, *_OFFICE)) or is_text(media_type)
    )


_TAKES: Final[Mapping[Kind, Callable[[str], bool]]] = {"image": _takes_image, "file": _takes_file}


def _media_type(named: Named, found: FetchedFile, place: str) -> str:
    """The type of what was fetched, held against its content. Raises ResponsesError."""
    head = found.body[:HEAD]
    if named.kind == "image":
        return image_type(head, found.type, place)
    if not head:
        raise malformed_value(place, "the file is empty")
    expected = type_by_ending(urlsplit(named.url).path)
    media_type = (expected or sniffed(head)) if found.type in UNTYPED else found.type
    if media_type == "text/html" and expected == PDF:
        # A page that asks for a login, or says that nothing is there.
        raise _error("file", place, FetchError("unsupported_type", "the server answered with a page instead of a PDF"))
    check_pdf(head, media_type, place)
    return image_type(head, media_type, place) if media_type.startswith("image/") else media_type


def _stand_in(named: Named) -> str:
    expected = type_by_ending(urlsplit(named.url).path) or PDF
    if named.kind == "image" or expected.startswith("image/"):
        return _encoded("image/png", _PIXEL)
    return _encoded(expected, b"%PDF-1.4\n" if expected == PDF else b"The content of the file.")


_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)


async def _data_url(media_type: str, body: bytes) -> str:
    if len(body) <= MAX_INLINE:
        return _encoded(media_type, body)
    return await asyncio.to_thread(_encoded, media_type, body)


def _encoded(media_type: str, body: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(body).decode('ascii')}"


def _filename(url: str) -> str | None:
    """The name of a file by the path of its URL."""
    name = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    return "".join(filter(str.isprintable, name)).replace("/", "").replace("\\", "")[-255:] or None
