"""Images that a model made, as servers behind OpenRouter and its like give them: beside the text, as data URLs."""

from collections.abc import Iterator, Mapping
from typing import Final

from proxy.provider.media import data_url
from proxy.responses.events import Event, Hosted, Unmapped

IMAGE: Final = "image_generation_call"

_FORMATS: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}


class Images:
    """The images of one answer. Some servers repeat them in a later chunk: each is shown once."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: list[str] = []

    def read(self, images: object) -> Iterator[Event]:
        """An item for each image; one that is only named by an address, or unreadable, has no form."""
        for image in images if isinstance(images, list) else ():
            url = _url(image)
            if url in self._seen:
                continue
            fields = _fields(url)
            if fields is None:
                yield Unmapped("images")
                continue
            self._seen.append(url)
            yield Hosted(f"image:{len(self._seen)}", IMAGE, "completed", fields)


def _url(image: object) -> str:
    """The address in `{image_url: {url}}`, or in `{image_url}` itself."""
    named = image.get("image_url") if isinstance(image, dict) else image
    url = named.get("url") if isinstance(named, dict) else named
    return url if isinstance(url, str) else ""


def _fields(url: str) -> Mapping[str, object] | None:
    """The members of the item for a data URL in base64."""
    image = data_url(url)
    if image is None or not image.base64 or not image.type.startswith("image/"):
        return None
    known = _FORMATS.get(image.type)
    return {"result": image.base64} if known is None else {"result": image.base64, "output_format": known}
