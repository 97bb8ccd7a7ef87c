"""Content parts of a message or a tool result -> content blocks of the Messages API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import Part
from proxy.provider.media import PDF, PLAIN_TEXT, Media, data_url, decoded_text, file_media, is_text

Block: TypeAlias = dict[str, object]

IMAGE_TYPES: Final = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}

CACHE_TTLS: Final[Mapping[str, str]] = {"12h": "1h", "30m": "5m"}
"""How long the vendor keeps a prefix, for each of the times that a client may ask for."""


@dataclass(slots=True)
class Breakpoint:
    """A block that ends a cached prefix."""

    block: Block
    path: str
    in_system: bool


@dataclass(slots=True)
class Content:
    """What the conversion of parts needs to know and what it reports.

    `max_image_bytes` bounds an image's base64 text; `cache_ttl` is the life of cached prefixes (None: the vendor's
    default); `images` and `files` tell what the model takes.
    """

    max_image_bytes: int
    cache_ttl: str | None
    conversions: list[Conversion]
    images: bool = True
    files: bool = True
    breakpoints: list[Breakpoint] = field(default_factory=list)

    def cache_control(self, ttl: str | None = None) -> Block:
        """The mark at the end of a cached prefix, which lives as long as it says itself or as the request says."""
        ttl = ttl or self.cache_ttl
        return {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}

    def blocks(self, parts: list[Part], path: str) -> list[Block]:
        """The blocks of the parts; `path` is the place of the list (`input[3].content`)."""
        found = (self.block(part, f"{path}[{index}]") for index, part in enumerate(parts))
        return [block for block in found if block is not None]

    def texts(self, parts: list[Part], path: str, *, in_system: bool) -> list[Block]:
        """The blocks of an instruction, which can be texts only."""
        for index, part in enumerate(parts):
            if part.get("type") not in ("input_text", "output_text", "refusal"):
                refuse(f"{path}[{index}]", "Anthropic's Messages API takes only text in system and developer messages.")
        found = (self.block(part, f"{path}[{index}]", in_system=in_system) for index, part in enumerate(parts))
        return [block for block in found if block is not None]

    def block(self, part: Part, path: str, *, in_system: bool = False) -> Block | None:
        """The block of one part; None for blank text, which the vendor refuses."""
        kind = part.get("type")
        if kind in ("input_text", "output_text", "text"):
            block = self._text(part.get("text"), path)
        elif kind == "refusal":
            block = self._text(part.get("refusal"), path)
            self.conversions.append(approximated(path, "a refusal is sent as text"))
        elif kind == "input_image":
            block = self._image(part, path)
        elif kind == "input_file":
            block = self._file(part, path)
        else:
            refuse(path, f"Anthropic's Messages API has no content of type '{kind}'.")
        if block is not None and isinstance(mark := part.get("prompt_cache_breakpoint"), Mapping):
            self._mark(block, mark.get("ttl"), f"{path}.prompt_cache_breakpoint", in_system)
        return block

    def _mark(self, block: Block, wanted: object, path: str, in_system: bool) -> None:
        ttl = CACHE_TTLS.get(wanted) if isinstance(wanted, str) else None
        if ttl is not None:
            self.conversions.append(approximated(f"{path}.ttl", f"the vendor keeps it for {ttl}"))
        self.breakpoints.append(Breakpoint(block, path, in_system))
        block["cache_control"] = self.cache_control(ttl)

    def _text(self, text: object, path: str) -> Block | None:
        if not isinstance(text, str) or not text or text.isspace():
            self.conversions.append(ignored(path, "blank text"))
            return None
        return {"type": "text", "text": text}

    def _image(self, part: Part, path: str) -> Block:
        if not self.images:
            refuse(path, "The model takes no images.")
        if part.get("detail") not in (None, "auto"):
            self.conversions.append(ignored(f"{path}.detail", "the vendor scales images itself"))
        url = part.get("image_url")
        if not isinstance(url, str) or not url:
            _refuse_file_id(part, path)
        if is_web_address(url):
            return {"type": "image", "source": {"type": "url", "url": url}}
        media = data_url(url)
        if media is None:
            refuse(f"{path}.image_url", "Anthropic takes images as http(s) addresses or base64 data URLs.", value=True)
        return self._image_data(media, f"{path}.image_url")

    def _image_data(self, data: Media, path: str) -> Block:
        media_type = IMAGE_TYPES.get(data.type)
        if media_type is None:
            refuse(path, f"Anthropic takes JPEG, PNG, GIF and WebP images, not '{data.type[:64]}'.", value=True)
        if len(data.base64) > self.max_image_bytes:
            refuse(
                path,
                f"The image is {len(data.base64)} bytes in base64; Anthropic takes at most {self.max_image_bytes}.",
                value=True,
            )
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data.base64}}

    def _file(self, part: Part, path: str) -> Block:
        if not self.files:
            refuse(path, "The model takes no files.")
        if part.get("detail") not in (None, "auto"):
            self.conversions.append(ignored(f"{path}.detail", "the vendor has no detail of files"))
        filename = part.get("filename")
        title = filename if isinstance(filename, str) and filename else None
        url, content = part.get("file_url"), part.get("file_data")
        if isinstance(content, str) and content:
            return self._file_data(content, title, f"{path}.file_data")
        if not isinstance(url, str) or not url:
            _refuse_file_id(part, path)
        if not is_web_address(url):
            refuse(f"{path}.file_url", "Anthropic takes files as http(s) addresses or base64 data.", value=True)
        return _document({"type": "url", "url": url}, title)

    def _file_data(self, content: str, title: str | None, path: str) -> Block:
        media = file_media(content, title)
        if media is None:
            refuse(path, "A data URL has to be in base64.", value=True)
        if media.type == PDF:
            return _document({"type": "base64", "media_type": PDF, "data": media.base64}, title)
        if media.type in IMAGE_TYPES:
            return self._image_data(media, path)
        if not is_text(media.type):
            found = media.type[:64] or "this type"
            refuse(path, f"Anthropic takes PDF, text and image files, not '{found}'.", value=True)
        return _document({"type": "text", "media_type": PLAIN_TEXT, "data": _decoded(media.base64, path)}, title)

    def cap_breakpoints(self, most: int) -> None:
        """Keep at most so many breakpoints: the oldest of the messages go first."""
        surplus = len(self.breakpoints) - most
        if surplus <= 0:
            return
        for mark in sorted(self.breakpoints, key=lambda mark: mark.in_system)[:surplus]:
            mark.block.pop("cache_control", None)
            self.breakpoints.remove(mark)
            self.conversions.append(ignored(mark.path, f"the vendor takes {most} breakpoints"))

    def order_lives(self, messages: Sequence[Block], automatic: Block | None) -> None:
        """Lengthen the life of each breakpoint that stands before a longer one, which the vendor would refuse.
        `automatic` is the mark at the end of everything."""
        marks = {id(mark.block): mark for mark in self.breakpoints}
        in_system = [mark for mark in self.breakpoints if mark.in_system]
        in_messages = [marks[id(block)] for block in _in_order(messages) if id(block) in marks]
        longest = _life(automatic)
        for mark in reversed([*in_system, *in_messages]):
            life = _life(mark.block["cache_control"])
            if life == "5m" and longest == "1h":
                mark.block["cache_control"] = self.cache_control(longest)
                reason = "a longer one follows: the vendor keeps it as long"
                self.conversions.append(approximated(f"{mark.path}.ttl", reason))
            longest = max(life, longest, key=("5m", "1h").index)


def mark_end(messages: Sequence[Block], mark: Block) -> None:
    """Let the cached prefix end with the last message, where the vendor does not find that end by itself."""
    content = messages[-1]["content"]
    if isinstance(content, list) and content:
        content[-1].setdefault("cache_control", mark)


def _in_order(messages: Sequence[Block]) -> Iterator[Block]:
    """The blocks of the messages, with those inside tool results."""
    for message in messages:
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if block["type"] == "tool_result":
                yield from _in_order([block])
            yield block


def _life(cache_control: object) -> str:
    ttl = cache_control.get("ttl") if isinstance(cache_control, Mapping) else None
    return ttl if isinstance(ttl, str) else "5m"


def is_web_address(url: str) -> bool:
    """Whether the vendor itself can fetch the address."""
    return url[:8].lower().startswith(("http://", "https://"))


def _document(source: Block, title: str | None) -> Block:
    block: Block = {"type": "document", "source": source}
    if title is not None:
        block["title"] = title
    return block


def _decoded(payload: str, path: str) -> str:
    text = decoded_text(payload)
    if text is None:
        refuse(path, "The file says that it is text, but it is not UTF-8 text in base64.", value=True)
    if not text or text.isspace():
        refuse(path, "The file is empty.", value=True)
    return text


def _refuse_file_id(part: Part, path: str) -> NoReturn:
    if part.get("file_id") is not None:
        refuse(f"{path}.file_id", "File ids of other services mean nothing to Anthropic; send the content or a URL.")
    refuse(path, "The part has neither content nor an address.", value=True)


def tagged(blocks: list[Block], path: str, conversions: list[Conversion]) -> list[Block]:
    """An instruction inside the conversation, for models without a system role there: tagged text of the user."""
    conversions.append(approximated(path, "an instruction inside the conversation is sent as tagged user text"))
    for block in blocks:
        block["text"] = f"<system>{block['text']}</system>"
    return blocks
