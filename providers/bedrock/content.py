"""Content parts of a message or a tool result -> content blocks of Converse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, NoReturn, TypeAlias

from providers.bedrock.models import Model
from providers.bedrock.settings import BedrockSettings
from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import Part
from proxy.provider.media import ALIASES, UNTYPED, Media, data_url, file_media, first_bytes, is_text, sniffed, unwrapped

Block: TypeAlias = dict[str, object]

IMAGE_FORMATS: Final[Mapping[str, str]] = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
}

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
DOCUMENT_FORMATS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/csv": "csv",
    "application/msword": "doc",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
"""By the media type; other text is `txt`."""

FORMATS_BY_ENDING: Final = frozenset({"csv", "doc", "docx", "xls", "xlsx", "md"})
"""Endings of a file's name that say more than its media type, or in its place."""

_MANY_FACED: Final = frozenset({"application/zip", "application/x-ole-storage"})
"""Types of containers: what is inside is told by the name."""

AUDIO_FORMATS: Final = frozenset({"mp3", "wav", "flac", "ogg", "aac", "opus", "webm", "mp4", "m4a"})

CACHE_TTLS: Final[Mapping[str, str]] = {"12h": "1h", "30m": "5m"}
"""How long the vendor keeps a prefix, for each of the times that a client may ask for."""

MAX_BREAKPOINTS: Final = 4


@dataclass(slots=True)
class Breakpoint:
    """A cache point, which ends a cached prefix."""

    block: Block
    path: str
    in_system: bool


@dataclass(slots=True)
class Content:
    """What the conversion of parts needs to know, and what it reports.

    `cache_ttl` is the life of cached prefixes that the request asks for (None: the vendor's default). `documents` and
    `images` count what the request has so far.
    """

    model: Model
    settings: BedrockSettings
    cache_ttl: str | None
    conversions: list[Conversion]
    takes_images: bool = True
    takes_files: bool = True
    takes_audio: bool = False
    images: int = 0
    documents: int = 0
    breakpoints: list[Breakpoint] = field(default_factory=list)

    def blocks(self, parts: Sequence[Part], path: str) -> list[Block]:
        """The blocks of the parts, with their cache points; `path` is the place of the list (`input[3].content`)."""
        found: list[Block] = []
        for index, part in enumerate(parts):
            found += self._part(part, f"{path}[{index}]", in_system=False)
        return found

    def texts(self, parts: Sequence[Part], path: str, *, in_system: bool) -> list[Block]:
        """The blocks of an instruction, which can be texts only."""
        found: list[Block] = []
        for index, part in enumerate(parts):
            if part.get("type") not in ("input_text", "output_text", "refusal"):
                refuse(f"{path}[{index}]", "Bedrock takes only text in system and developer messages.")
            found += self._part(part, f"{path}[{index}]", in_system=in_system)
        return found

    def _part(self, part: Part, path: str, *, in_system: bool) -> list[Block]:
        block = self._block(part, path)
        mark = part.get("prompt_cache_breakpoint")
        if not isinstance(mark, Mapping):
            return [block] if block is not None else []
        where = f"{path}.prompt_cache_breakpoint"
        if block is None or not self.model.cache:
            self.conversions.append(ignored(where, "nothing is cached here"))
            return [block] if block is not None else []
        return [block, self._cache_point(mark.get("ttl"), where, in_system)]

    def _block(self, part: Part, path: str) -> Block | None:
        match part.get("type"):
            case "input_text" | "output_text" | "text":
                return self._text(part.get("text"), path)
            case "refusal":
                self.conversions.append(approximated(path, "a refusal is sent as text"))
                return self._text(part.get("refusal"), path)
            case "input_image":
                return self._image(part, path)
            case "input_file":
                return self._file(part, path)
            case "input_audio":
                return self._audio(part, path)
        return refuse(path, f"Bedrock's Converse API has no content of type '{part.get('type')}'.")

    def _text(self, text: object, path: str) -> Block | None:
        if not isinstance(text, str) or not text or text.isspace():
            self.conversions.append(ignored(path, "blank text"))
            return None
        return {"text": text}

    # --- media ------------------------------------------------------------------------------------------------------

    def _image(self, part: Part, path: str) -> Block:
        if not self.takes_images:
            refuse(path, "The model takes no images.")
        if part.get("detail") not in (None, "auto"):
            self.conversions.append(ignored(f"{path}.detail", "the vendor scales images itself"))
        url = part.get("image_url")
        if not isinstance(url, str) or not url:
            _refuse_file_id(part, path)
        media = data_url(url)
        if media is None:
            refuse(f"{path}.image_url", "Bedrock takes images as base64 data URLs.", value=True)
        return self._image_data(media, f"{path}.image_url")

    def _image_data(self, data: Media, path: str) -> Block:
        head = _checked(data.base64, path)
        declared = ALIASES.get(data.type, data.type)
        media_type = declared if declared not in UNTYPED else sniffed(head)
        found = IMAGE_FORMATS.get(media_type)
        if found is None:
            refuse(path, f"Bedrock takes JPEG, PNG, GIF and WebP images, not '{data.type[:64]}'.", value=True)
        _check_size(data.base64, self.settings.max_image_bytes, "image", path)
        self.images += 1
        if self.images > self.settings.max_images:
            refuse(path, f"Bedrock takes {self.settings.max_images} images in a request.")
        return {"image": {"format": found, "source": {"bytes": _one_line(data.base64)}}}

    def _file(self, part: Part, path: str) -> Block:
        if not self.takes_files:
            refuse(path, "The model takes no files.")
        if part.get("detail") not in (None, "auto"):
            self.conversions.append(ignored(f"{path}.detail", "the vendor has no detail of files"))
        data, filename = part.get("file_data"), part.get("filename")
        if not isinstance(data, str) or not data:
            if part.get("file_url") is not None:
                refuse(f"{path}.file_url", "Bedrock takes files as base64 data.", value=True)
            _refuse_file_id(part, path)
        path_of_data = f"{path}.file_data"
        media = file_media(data, filename)
        if media is None:
            refuse(path_of_data, "A data URL has to be in base64.", value=True)
        if ALIASES.get(media.type, media.type) in IMAGE_FORMATS:
            return self._image_data(media, path_of_data)
        head = _checked(media.base64, path_of_data)
        found = document_format(media.type if media.type not in UNTYPED else sniffed(head), filename)
        if found is None:
            kinds = "PDF, Word, Excel, CSV, HTML, Markdown and text files, and images"
            refuse(path_of_data, f"Bedrock takes {kinds}, not '{media.type[:64] or 'this type'}'.", value=True)
        _check_size(media.base64, self.settings.max_file_bytes, "file", path_of_data)
        self.documents += 1
        if self.documents > self.settings.max_files:
            refuse(path, f"Bedrock takes {self.settings.max_files} files in a request.")
        if isinstance(filename, str) and filename:
            reason = "the model would obey a file's name; it is told another one"
            self.conversions.append(approximated(f"{path}.filename", reason))
        source = {"bytes": _one_line(media.base64)}
        return {"document": {"format": found, "name": f"doc-{self.documents}", "source": source}}

    def _audio(self, part: Part, path: str) -> Block:
        audio = part.get("input_audio")
        holder: Mapping[str, object] = audio if isinstance(audio, Mapping) else part
        found, data = holder.get("format"), holder.get("data")
        if not self.takes_audio:
            refuse(path, "The model takes no audio.")
        if found not in AUDIO_FORMATS or not isinstance(data, str):
            refuse(f"{path}.input_audio", "Bedrock takes audio in base64, such as MP3 and WAV.", value=True)
        _checked(data, f"{path}.input_audio")
        return {"audio": {"format": found, "source": {"bytes": _one_line(data)}}}

    # --- cache points -----------------------------------------------------------------------------------------------

    def _cache_point(self, wanted: object, path: str, in_system: bool) -> Block:
        asked = CACHE_TTLS.get(wanted) if isinstance(wanted, str) else None
        if asked is not None:
            self.conversions.append(approximated(f"{path}.ttl", f"the vendor keeps it for {self._life(asked)}"))
        point = cache_point(self._life(asked or self.cache_ttl) if self.model.cache_1h else None)
        self.breakpoints.append(Breakpoint(point, path, in_system))
        return point

    def _life(self, wanted: str | None) -> str | None:
        return "5m" if wanted and not self.model.cache_1h else wanted

    def cap_breakpoints(self, system: list[Block], messages: Sequence[Block]) -> None:
        """Keep as many cache points as the vendor takes: the oldest of the messages go first."""
        surplus = len(self.breakpoints) - MAX_BREAKPOINTS
        for mark in sorted(self.breakpoints, key=lambda mark: mark.in_system)[: max(surplus, 0)]:
            self.breakpoints.remove(mark)
            for blocks in (system, *(content_of(message) for message in messages)):
                blocks[:] = [block for block in blocks if block is not mark.block]
            self.conversions.append(ignored(mark.path, f"the vendor takes {MAX_BREAKPOINTS} cache points"))

    def order_lives(self) -> None:
        """Lengthen the life of each cache point that stands before a longer one, which the vendor would refuse."""
        longest = False
        in_order = sorted(self.breakpoints, key=lambda mark: not mark.in_system)
        for mark in reversed(in_order):
            point = mark.block["cachePoint"]
            assert isinstance(point, dict)
            if longest and point.get("ttl") != "1h":
                point["ttl"] = "1h"
                reason = "a longer one follows: the vendor keeps it as long"
                self.conversions.append(approximated(f"{mark.path}.ttl", reason))
            longest = longest or point.get("ttl") == "1h"


def cache_point(ttl: str | None) -> Block:
    """The block that ends a cached prefix."""
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl else {})}}


def content_of(message: Mapping[str, object]) -> list[Block]:
    """The blocks of a message of ours."""
    content = message["content"]
    assert isinstance(content, list)
    return content


def document_format(media_type: str, filename: object) -> str | None:
    """What the vendor calls files of the type; None for those that it does not take."""
    ending = PurePosixPath(filename).suffix[1:].lower() if isinstance(filename, str) else ""
    said = ending if ending in FORMATS_BY_ENDING else None
    if media_type in DOCUMENT_FORMATS:
        return DOCUMENT_FORMATS[media_type]
    if is_text(media_type):
        return said if said in ("csv", "md") else "txt"
    return said if media_type in UNTYPED or media_type in _MANY_FACED else None


def _checked(base64: str, path: str) -> bytes:
    """The beginning of what stands in base64. Raises RefusedError where it cannot be base64, or is nothing."""
    head = first_bytes(base64)
    if head is None:
        refuse(path, "The content is not base64.", value=True)
    if not head:
        refuse(path, "The content is empty.", value=True)
    return head


def _check_size(base64: str, most: int, what: str, path: str) -> None:
    if len(base64) > most:
        refuse(path, f"The {what} is {len(base64)} bytes in base64; Bedrock takes at most {most}.", value=True)


def _one_line(base64: str) -> str:
    """As the vendor reads it: without white space and with its padding."""
    found = unwrapped(base64)
    whole = base64 if found is None else found
    return whole + "=" * (-len(whole) % 4)


def _refuse_file_id(part: Part, path: str) -> NoReturn:
    if part.get("file_id") is not None:
        refuse(f"{path}.file_id", "File ids of other services mean nothing to Bedrock; send the content.")
    refuse(path, "The part has neither content nor an address.", value=True)


def tagged(blocks: list[Block], path: str, conversions: list[Conversion]) -> list[Block]:
    """An instruction for models without a system role at its place: tagged text of the user."""
    conversions.append(approximated(path, "an instruction inside the conversation is sent as tagged user text"))
    return [{"text": f"<system>{block['text']}</system>"} if "text" in block else block for block in blocks]
