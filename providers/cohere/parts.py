"""Content parts of Responses as content of Cohere's messages: text and images, nothing else."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, ignored, refuse
from proxy.provider.history import Part
from proxy.provider.media import decoded_text, file_media, is_text

Block: TypeAlias = dict[str, object]

DETAILS: Final = {"auto": "auto", "low": "low", "high": "high", "original": "high"}


def only_text(parts: Sequence[Part]) -> str | None:
    """The text of a message that is one text and nothing else, as most are."""
    if len(parts) != 1:
        return None
    part = parts[0]
    text = part.get("text")
    return text if len(part) == 2 and isinstance(text, str) else None


def blocks_of(parts: Sequence[Part], path: str, prepared: Prepared) -> list[Block]:
    """The parts as content blocks of types `text` and `image_url`. Raises RefusedError for what there is no block
    for."""
    blocks: list[Block] = []
    for position, part in enumerate(parts):
        place = f"{path}[{position}]"
        kind = part.get("type")
        if kind == "input_image":
            block = _image(part, place, prepared)
        elif kind == "input_file":
            block = _file(part, place, prepared)
        elif isinstance(text := part.get("text"), str):
            block = {"type": "text", "text": text}
        elif isinstance(refusal := part.get("refusal"), str):
            prepared.conversions.append(approximated(place, "a refusal is told as text"))
            block = {"type": "text", "text": refusal}
        else:
            refuse(place, f"Content of type '{kind}' is not supported by this provider.", value=True)
        if part.get("prompt_cache_breakpoint") is not None:
            prepared.conversions.append(ignored(f"{place}.prompt_cache_breakpoint", "the vendor caches by itself"))
        blocks.append(block)
    return blocks


def texts_of(parts: Sequence[Part], path: str, prepared: Prepared, speaker: str) -> str:
    """The text of a message that holds nothing else. Raises RefusedError for images."""
    blocks = blocks_of(parts, path, prepared)
    for position, block in enumerate(blocks):
        if block["type"] != "text":
            refuse(f"{path}[{position}]", f"Cohere takes text only in a message of {speaker}.", value=True)
    return "\n".join(str(block["text"]) for block in blocks)


def _image(part: Part, place: str, prepared: Prepared) -> Block:
    if not prepared.capabilities.images:
        refuse(place, f"The model '{prepared.model}' does not take images.")
    url = part.get("image_url")
    if not isinstance(url, str) or not url:
        refuse(f"{place}.file_id", "Images by file id are not supported by this provider: send `image_url`.")
    image: Block = {"url": url}
    detail = part.get("detail")
    if detail is not None:
        image["detail"] = DETAILS.get(str(detail), "auto")
        if image["detail"] != detail:
            prepared.conversions.append(approximated(f"{place}.detail", f"'{image['detail']}' is sent"))
    return {"type": "image_url", "image_url": image}


def _file(part: Part, place: str, prepared: Prepared) -> Block:
    data, filename = part.get("file_data"), part.get("filename")
    name = filename if isinstance(filename, str) and filename else None
    if not isinstance(data, str) or not data:
        given = "file_id" if part.get("file_id") is not None else "file_url"
        refuse(f"{place}.{given}", "This provider takes the content of files only: send `file_data`.")
    if part.get("detail") is not None:
        prepared.conversions.append(ignored(f"{place}.detail", "the file is told as text"))
    media = file_media(data, name)
    if media is None:
        refuse(f"{place}.file_data", "File data has to be in base64.", value=True)
    if not is_text(media.type):
        kind = media.type or "that is not known"
        refuse(f"{place}.file_data", f"Files of the type {kind} are not supported: Cohere takes text.", value=True)
    text = decoded_text(media.base64)
    if text is None:
        refuse(f"{place}.file_data", "The file is not text in UTF-8, in base64.", value=True)
    prepared.conversions.append(approximated(place, "a text file is sent as text"))
    return {"type": "text", "text": f"File {name or 'without a name'}:\n{text}"}
