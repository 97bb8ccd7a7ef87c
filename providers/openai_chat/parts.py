"""Content parts of Responses as content parts of Chat Completions."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from providers.openai_chat.dialect import Dialect
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import Part
from proxy.provider.media import PDF, decoded_text, file_media, is_text

ChatPart: TypeAlias = dict[str, Any]


def chat_parts(parts: Sequence[Part], path: str, prepared: Prepared, dialect: Dialect) -> list[ChatPart]:
    """The parts in Chat form. Raises RefusedError for what the server cannot take."""
    written: list[ChatPart] = []
    for index, part in enumerate(parts):
        place = f"{path}[{index}]"
        kind = part.get("type")
        if kind == "input_image":
            chat_part = _image(part, place, prepared, dialect)
        elif kind == "input_file":
            chat_part = _file(part, place, prepared, dialect)
        elif kind == "input_audio":
            chat_part = _audio(part, place, prepared, dialect)
        elif isinstance(text := part.get("text", part.get("refusal")), str):
            chat_part = {"type": "text", "text": text}
        else:
            refuse(place, f"Content of type '{kind}' is not supported by this provider.", value=True)
        if part.get("prompt_cache_breakpoint") is not None:
            if dialect.cache_breakpoints and chat_part["type"] != "input_audio":
                chat_part["prompt_cache_breakpoint"] = _breakpoint(part, place, prepared)
            else:
                prepared.conversions.append(ignored(f"{place}.prompt_cache_breakpoint"))
        written.append(chat_part)
    return written


def only_text(parts: Sequence[Part]) -> str | None:
    """The text of a message that is one text and nothing else, as most are."""
    if len(parts) != 1:
        return None
    part = parts[0]
    text = part.get("text")
    return text if len(part) == 2 and isinstance(text, str) else None


def content_of(parts: list[ChatPart], dialect: Dialect) -> str | list[ChatPart]:
    """The content of a message: a plain string where it says the same."""
    texts = [part["text"] for part in parts if part["type"] == "text" and len(part) == 2]
    if len(texts) == len(parts) and (len(parts) < 2 or not dialect.text_parts):
        return "\n".join(texts)
    return parts


def _breakpoint(part: Part, place: str, prepared: Prepared) -> object:
    mark = part["prompt_cache_breakpoint"]
    if isinstance(mark, dict) and mark.get("ttl") not in (None, "30m"):
        prepared.conversions.append(
            approximated(f"{place}.prompt_cache_breakpoint.ttl", "Chat Completions keeps a cache for 30m only")
        )
        return {**mark, "ttl": "30m"}
    return mark


def _image(part: Part, place: str, prepared: Prepared, dialect: Dialect) -> ChatPart:
    if not prepared.capabilities.images:
        refuse(place, f"The model '{prepared.model}' does not take images.")
    url = part.get("image_url")
    if not isinstance(url, str) or not url:
        refuse(f"{place}.file_id", "Images by file id are not supported by this provider: send `image_url`.")
    if not prepared.capabilities.image_urls and not url.startswith("data:"):
        refuse(f"{place}.image_url", "This provider takes images as data URLs only.", value=True)
    image: ChatPart = {"url": url}
    detail = part.get("detail")
    if detail == "original" and dialect.image_detail and not dialect.original_images:
        prepared.conversions.append(approximated(f"{place}.detail", "'high' is the most that the server has"))
        detail = "high"
    if detail is not None and dialect.image_detail:
        image["detail"] = detail
    elif detail is not None:
        report = ignored if detail == "auto" else dropped
        prepared.conversions.append(report(f"{place}.detail", "the server has no detail of images"))
    return {"type": "image_url", "image_url": image}


def _file(part: Part, place: str, prepared: Prepared, dialect: Dialect) -> ChatPart:
    data, filename = part.get("file_data"), part.get("filename")
    name = filename if isinstance(filename, str) and filename else None
    if part.get("detail") is not None:
        prepared.conversions.append(ignored(f"{place}.detail", "Chat Completions has no detail of files"))
    if not isinstance(data, str) or not data:
        if part.get("file_id") is not None:
            if dialect.file_ids and prepared.capabilities.files:
                if filename is not None:
                    prepared.conversions.append(ignored(f"{place}.filename", "the server knows the file's name"))
                named = {"file_id": part["file_id"]}
                return {"type": "file", **named} if dialect.document_urls else {"type": "file", "file": named}
            refuse(f"{place}.file_id", "Files by id are not supported by this provider: send `file_data`.")
        if prepared.capabilities.file_urls and prepared.capabilities.files:
            return _document(part.get("file_url"), name, dialect)
        refuse(f"{place}.file_url", "Files by URL are not supported by this provider: send `file_data`.")
    media = file_media(data, name)
    if media is None:
        refuse(f"{place}.file_data", "File data has to be in base64.", value=True)
    if is_text(media.type):
        text = decoded_text(media.base64)
        if text is None:
            refuse(f"{place}.file_data", "The file is not text in UTF-8, in base64.", value=True)
        prepared.conversions.append(approximated(place, "a text file is sent as text"))
        return {"type": "text", "text": f"File {name or 'without a name'}:\n{text}"}
    # What comes without a type and without an ending can only be meant as a PDF.
    media_type = media.type or (PDF if name is None or "." not in name else f"that '{name[-64:]}' has")
    if media_type != PDF or not dialect.pdf or not prepared.capabilities.files:
        refuse(f"{place}.file_data", f"Files of the type {media_type} are not supported by this provider.", value=True)
    url = data if data.startswith("data:") else f"data:{PDF};base64,{data}"
    return _document(url, name, dialect)


def _document(url: object, name: str | None, dialect: Dialect) -> ChatPart:
    """A file by its address or data URL."""
    if dialect.document_urls:
        return {"type": "document_url", "document_url": url, "document_name": name or "file.pdf"}
    return {"type": "file", "file": {"file_data": url, "filename": name or "file.pdf"}}


def _audio(part: Part, place: str, prepared: Prepared, dialect: Dialect) -> ChatPart:
    if not prepared.capabilities.audio:
        refuse(place, f"The model '{prepared.model}' does not take audio.")
    audio = part.get("input_audio")
    if not isinstance(audio, dict):
        refuse(f"{place}.input_audio", "Audio has to be given as `input_audio: {data, format}`.")
    data, form = audio.get("data"), audio.get("format")
    if dialect.plain_audio:
        prepared.conversions.append(ignored(f"{place}.input_audio.format", "the server sees it itself"))
        return {"type": "input_audio", "input_audio": data}
    if dialect.audio_data_urls:
        data = f"data:audio/{form};base64,{data}"
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}
