"""Content parts of Responses as parts of Gemini's contents.

Source: Google's guides to image, document, audio and video understanding. Media come inside the request, or are named
by addresses that the vendor itself can read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from providers.gemini.address import host_of
from providers.gemini.hosts import Endpoint
from providers.gemini.models import Model
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, ignored, refuse
from proxy.provider.history import Part
from proxy.provider.media import PDF, PLAIN_TEXT, file_media, is_text, type_by_ending

VendorPart: TypeAlias = dict[str, object]

IMAGES: Final = {
    "image/png": "image/png",
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/webp": "image/webp",
    "image/heic": "image/heic",
    "image/heif": "image/heif",
}
AUDIO: Final = {
    "audio/wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/mp3": "audio/mp3",
    "audio/mpeg": "audio/mp3",
    "audio/aiff": "audio/aiff",
    "audio/aac": "audio/aac",
    "audio/ogg": "audio/ogg",
    "audio/flac": "audio/flac",
}
VIDEO: Final = frozenset(
    {
        "video/3gpp",
        "video/avi",
        "video/mov",
        "video/mp4",
        "video/mpeg",
        "video/mpg",
        "video/quicktime",
        "video/webm",
        "video/wmv",
        "video/x-flv",
    }
)
TEXT: Final = frozenset({PLAIN_TEXT, "text/css", "text/csv", "text/html", "text/rtf", "text/xml"})
"""Types of text that the vendor takes by their own names; other text is sent as plain text."""

IN_RESULTS: Final = frozenset({"image/png", "image/jpeg", "image/webp", PDF, PLAIN_TEXT})
"""What a function response takes as its own part."""

VIDEO_HOSTS: Final = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})
"""Hosts of videos that the vendor reads itself."""

RESOLUTIONS: Final = {
    "low": "MEDIA_RESOLUTION_LOW",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
}
"""Levels of `mediaResolution` for a part's `detail`; `auto` is the vendor's own choice."""

BUCKET: Final = "gs://"
INSTEAD: Final = "send the content in base64"


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes the parts of one request and reports what they lose. The address of the `endpoint` is that of the Files
    API."""

    prepared: Prepared
    model: Model
    endpoint: Endpoint

    def parts(self, parts: Sequence[Part], path: str) -> list[VendorPart]:
        """The parts of a message; `path` is the place of the list. Raises RefusedError for what cannot be carried."""
        written: list[VendorPart] = []
        for index, part in enumerate(parts):
            place = f"{path}[{index}]"
            if (text := self.text(part, place)) is not None:
                written.append({"text": text})
                continue
            name = part.get("filename")
            if isinstance(name, str) and name:
                self._report_approximated(f"{place}.filename", "the vendor's files have no names: it is told as text")
                written.append({"text": f"File {name}:"})
            written.append(self.media(part, place))
        return written

    def text(self, part: Part, place: str) -> str | None:
        """The text of a part that is text, else None."""
        if part.get("prompt_cache_breakpoint") is not None:
            reason = "the vendor finds repeated beginnings by itself"
            self.prepared.conversions.append(ignored(f"{place}.prompt_cache_breakpoint", reason))
        text = part.get("text")
        if isinstance(text, str):
            return text
        refusal = part.get("refusal")
        if isinstance(refusal, str):
            self._report_approximated(place, "a refusal is sent as text")
            return refusal
        return None

    def media(self, part: Part, place: str) -> VendorPart:
        """The part of an image, a file or sound: `inlineData` or `fileData`."""
        kind = part.get("type")
        if kind == "input_audio":
            return self._audio(part, place)
        if kind not in ("input_image", "input_file"):
            refuse(place, f"Gemini has no content of type '{kind}'.", value=True)
        data_member, url_member = ("image_url", "image_url") if kind == "input_image" else ("file_data", "file_url")
        data, url = part.get(data_member), part.get(url_member)
        if isinstance(data, str) and data and (kind == "input_file" or data[:5].lower() == "data:"):
            written = self._inline(data, part, f"{place}.{data_member}", image=kind == "input_image")
        elif isinstance(url, str) and url:
            written = self._named(url, part, f"{place}.{url_member}", image=kind == "input_image")
        elif part.get("file_id") is not None:
            refuse(f"{place}.file_id", f"Gemini does not know files of other services: {INSTEAD}.")
        else:
            refuse(place, "The part has neither content nor an address.", value=True)
        self._detail(part, place, written)
        return written

    # --- one kind of media each ---------------------------------------------------------------------------------------

    def _inline(self, data: str, part: Part, place: str, *, image: bool) -> VendorPart:
        media = file_media(data, part.get("filename"))
        if media is None:
            refuse(place, "A data URL has to be in base64.", value=True)
        taken = self._taken(media.type, place)
        if image and taken not in IMAGES.values():
            refuse(place, f"An image cannot be of type '{media.type[:64]}'.", value=True)
        return {"inlineData": {"mimeType": taken, "data": media.base64}}

    def _taken(self, media_type: str, place: str) -> str:
        """The media type as the vendor takes it. Raises RefusedError for others, and for those the model has not."""
        able = self.prepared.capabilities
        if media_type in IMAGES:
            taken, permitted = IMAGES[media_type], able.images
        elif media_type in AUDIO:
            taken, permitted = AUDIO[media_type], able.audio
        elif media_type == PDF or media_type in VIDEO:
            taken, permitted = media_type, able.files
        elif is_text(media_type):
            taken, permitted = media_type if media_type in TEXT else PLAIN_TEXT, able.files
            if taken != media_type:
                self._report_approximated(place, f"'{media_type[:64]}' is sent as plain text")
        elif not media_type:
            message = "Nothing tells what the file is: send a data URL with its type, or a filename with an ending."
            refuse(place, message, value=True)
        else:
            message = (
                "Gemini takes images (PNG, JPEG, WebP, HEIC, HEIF), PDF, text, sound and video, "
                f"not '{media_type[:64]}'."
            )
            refuse(place, message, value=True)
        if not permitted:
            refuse(place, f"The model '{self.prepared.model}' does not take content of type '{taken}'.", value=True)
        return taken

    def _named(self, url: str, part: Part, place: str, *, image: bool) -> VendorPart:
        """Media that the vendor reads itself: its own files, videos of YouTube, and what stands at a public address."""
        host = host_of(url)
        if host in VIDEO_HOSTS:
            return {"fileData": {"fileUri": url, "mimeType": "video/mp4"}}
        own = bool(host) and host == host_of(self.endpoint.base_url) and "/files/" in url
        own = own or (self.endpoint.host.buckets and url[:5].lower() == BUCKET)
        if not own and not (host and url[:8].lower() == "https://"):
            known = "buckets (gs://)" if self.endpoint.host.buckets else "its own files"
            refuse(place, f"Gemini reads {known} and addresses that begin with https://; else {INSTEAD}.", value=True)
        media_type = type_by_ending(part.get("filename")) or type_by_ending(urlsplit(url).path)
        if not media_type and self.endpoint.host.wants_types:
            refuse(place, "Nothing tells what stands at the address: give a filename with an ending.", value=True)
        if not media_type:
            # The vendor looks for itself.
            return {"fileData": {"fileUri": url}}
        taken = self._taken(media_type, place)
        if image and taken not in IMAGES.values():
            refuse(place, f"An image cannot be of type '{taken}'.", value=True)
        return {"fileData": {"fileUri": url, "mimeType": taken}}

    def _audio(self, part: Part, place: str) -> VendorPart:
        audio = part.get("input_audio")
        data = audio.get("data") if isinstance(audio, dict) else None
        if not isinstance(audio, dict) or not isinstance(data, str):
            refuse(f"{place}.input_audio", "Audio has to be given as `input_audio: {data, format}`.", value=True)
        return {"inlineData": {"mimeType": self._taken(f"audio/{audio.get('format')}", place), "data": data}}

    def _detail(self, part: Part, place: str, written: VendorPart) -> None:
        detail = part.get("detail")
        if detail in (None, "auto"):
            return
        resolution = RESOLUTIONS.get(detail) if isinstance(detail, str) else None
        if resolution is not None and self.model.media_resolution:
            written["mediaResolution"] = {"level": resolution}
        else:
            reason = "the model has no resolution of single parts"
            self.prepared.conversions.append(ignored(f"{place}.detail", reason))

    def _report_approximated(self, place: str, reason: str) -> None:
        self.prepared.conversions.append(approximated(place, reason))


def only_text(parts: Sequence[Part]) -> str | None:
    """The text of a message that is one text and nothing else, as most are."""
    if len(parts) != 1:
        return None
    part = parts[0]
    text = part.get("text")
    return text if len(part) == 2 and isinstance(text, str) else None
