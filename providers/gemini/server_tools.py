"""Tools that Google runs itself, as they are offered: its web search, code execution, file search, and images.

Source: Google's guides to grounding, code execution, file search, image generation and the combination of tools. The
vendor cannot be made to use any of them, but for images, which an answer can be held to. What a client says of a tool
and the vendor has no place for is declared; refused is what the client relies upon: where to search, in which files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from providers.gemini.hosted import CONTAINER
from providers.gemini.reading import mapping
from providers.gemini.settings import GeminiSettings
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import HostedTool

Json: TypeAlias = Mapping[str, object]
VendorTool: TypeAlias = dict[str, object]

IMAGES: Final = "image_generation"

ASPECT_RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


@dataclass(slots=True)
class ServerTools:
    """The vendor's own tools of a request: `tools` stand among the others, `generation` are members of
    `generationConfig`. `forced`: the answer is made to be images, so nothing else is left to be forced."""

    tools: list[VendorTool] = field(default_factory=list)
    generation: dict[str, object] = field(default_factory=dict)
    forced: bool = False


def asks_for_images(prepared: Prepared) -> bool:
    """Whether images in the answer are what the client asked for."""
    return prepared.tool_choice.mode != "none" and any(tool.type == IMAGES for tool in prepared.hosted_tools)


def offered_server_tools(prepared: Prepared, settings: GeminiSettings) -> ServerTools:
    """What a request says of them. Appends to `prepared.conversions`; raises RefusedError."""
    offer = _Offer(prepared, settings, ServerTools())
    hosted = prepared.hosted_tools
    if not hosted:
        return offer.found
    if prepared.request.max_tool_calls is not None:
        prepared.conversions.append(dropped("max_tool_calls", "the vendor does not limit its own tools"))
    if prepared.tool_choice.mode == "none":
        prepared.conversions += [ignored(tool.path, "no tool may be called") for tool in hosted]
        return offer.found
    seen: set[str] = set()
    for tool in hosted:
        if tool.type in seen:
            prepared.conversions.append(dropped(tool.path, "the vendor takes each of its tools once"))
            continue
        seen.add(tool.type)
        _ENCODERS[tool.type](offer, tool)
    _force(offer, seen)
    return offer.found


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the encoding of one tool needs to know, and where it puts what it makes."""

    prepared: Prepared
    settings: GeminiSettings
    found: ServerTools

    def drop(self, path: str, reason: str) -> None:
        self.prepared.conversions.append(dropped(path, reason))

    def ignore(self, path: str) -> None:
        self.prepared.conversions.append(ignored(path, "the usual value"))

    def report(self, path: str, value: object, usual: Sequence[object], reason: str) -> None:
        """Declare a member: as dropped, unless it is absent or says what is so anyhow."""
        if value in usual:
            self.ignore(path)
        elif value is not None:
            self.drop(path, reason)

    def report_all(self, tool: HostedTool, usual: Mapping[str, Sequence[object]], reason: str) -> None:
        """Declare the members of the tool."""
        for member, values in usual.items():
            self.report(f"{tool.path}.{member}", tool.tool.get(member), values, reason)


def _force(offer: _Offer, offered: set[str]) -> None:
    """The choice of a tool, as far as it concerns these."""
    choice, report = offer.prepared.tool_choice, offer.prepared.conversions.append
    if choice.mode == "hosted" and choice.hosted is not None and choice.hosted.type != IMAGES:
        message = f"Gemini cannot be made to use its own tools: '{choice.hosted.tool['type']}' can only be offered."
        refuse("tool_choice", message, value=True)
    functions = [tool for tool in offer.prepared.tools if choice.allowed is None or tool.name in choice.allowed]
    if choice.mode == "required" and functions:
        reason = "the vendor's own tools cannot be required: one of the functions is"
        report(approximated("tool_choice", reason, contract=True))
    elif choice.mode in ("hosted", "required") and IMAGES in offered:
        report(approximated("tool_choice", "the answer is made to be images and no text"))
        offer.found.generation["responseModalities"] = ["IMAGE"]
        offer.found.forced = True


# --- web search -------------------------------------------------------------------------------------------------------

_SEARCH: Final[Mapping[str, Sequence[object]]] = {
    "search_context_size": ("medium",),
    "external_web_access": (True,),
    "search_content_types": (["text"], []),
    "return_token_budget": ("default",),
}


def _web_search(offer: _Offer, tool: HostedTool) -> None:
    filters, location = tool.tool.get("filters"), tool.tool.get("user_location")
    if mapping(filters).get("allowed_domains"):
        path = f"{tool.path}.filters.allowed_domains"
        refuse(path, "Google's search cannot be held to some domains.")
    if filters is not None:
        offer.ignore(f"{tool.path}.filters")
    places = {name: value for name, value in mapping(location).items() if value and name != "type"}
    reason = "the vendor takes a place by its coordinates only"
    offer.report(f"{tool.path}.user_location", places if location else location, ({},), reason)
    offer.report_all(tool, _SEARCH, "the vendor's search has no such setting")
    offer.found.tools.append({"googleSearch": {}})


# --- code execution ---------------------------------------------------------------------------------------------------


def _code_execution(offer: _Offer, tool: HostedTool) -> None:
    container, path = tool.tool.get("container"), f"{tool.path}.container"
    settings = mapping(container)
    if isinstance(container, str) and container != CONTAINER:
        offer.drop(path, "the vendor's code begins in a new container each time")
    if settings.get("file_ids"):
        refuse(f"{path}.file_ids", "File ids of other services mean nothing to Gemini: send the files as content.")
    if settings.get("file_ids") is not None:
        offer.ignore(f"{path}.file_ids")
    offer.report(f"{path}.memory_limit", settings.get("memory_limit"), ("1g",), "the vendor's containers have one size")
    network = settings.get("network_policy")
    offer.report(f"{path}.network_policy", network, ({"type": "disabled"},), "the vendor's containers have no network")
    callers = tool.tool.get("allowed_callers")
    reason = "the tool is called by the model alone"
    offer.report(f"{tool.path}.allowed_callers", callers, ([], ["direct"]), reason)
    offer.found.tools.append({"codeExecution": {}})


# --- file search ------------------------------------------------------------------------------------------------------


def _file_search(offer: _Offer, tool: HostedTool) -> None:
    """A search in those stores that the configuration has a name of the vendor's for."""
    if tool.tool.get("filters") is not None:
        refuse(f"{tool.path}.filters", "Filters of a file search are not carried to Gemini.")
    wanted = tool.tool.get("vector_store_ids")
    known = offer.settings.file_search_stores
    names: dict[str, None] = {}
    for index, each in enumerate(wanted if isinstance(wanted, list) else ()):
        if each in known:
            names[known[each]] = None
        else:
            offer.drop(f"{tool.path}.vector_store_ids[{index}]", "no store of the vendor's is configured for it")
    if not names:
        offer.drop(tool.path, "no store of the vendor's is configured for it")
        return
    ranking = tool.tool.get("ranking_options")
    said = {name: value for name, value in mapping(ranking).items() if value not in (None, 0, "auto")}
    offer.report(f"{tool.path}.ranking_options", said if ranking else ranking, ({},), "the vendor ranks in its own way")
    search: VendorTool = {"fileSearchStoreNames": [*names]}
    if (most := tool.tool.get("max_num_results")) is not None:
        search["topK"] = most
    offer.found.tools.append({"fileSearch": search})


# --- images -----------------------------------------------------------------------------------------------------------

_IMAGE: Final[Mapping[str, Sequence[object]]] = {
    "action": ("auto",),
    "background": ("auto",),
    "complexity": (),
    "frame_count": (),
    "frame_duration_ms": (),
    "input_fidelity": (),
    "model": (),
    "moderation": ("auto",),
    "output_compression": (100,),
    "output_format": ("png",),
    "partial_images": (0,),
    "quality": ("auto",),
    "svg": (),
}


def _image_generation(offer: _Offer, tool: HostedTool) -> None:
    if tool.tool.get("input_image_mask") is not None:
        refuse(f"{tool.path}.input_image_mask", "Gemini takes no masks: tell the model what is to be changed.")
    offer.report_all(tool, _IMAGE, "the model makes images in its own way")
    offer.found.generation["responseModalities"] = ["TEXT", "IMAGE"]
    size = tool.tool.get("size")
    path = f"{tool.path}.size"
    if size == "auto":
        offer.ignore(path)
    elif isinstance(size, str):
        ratio = nearest_ratio(size)
        if ratio is None:
            offer.drop(path, "no size in pixels")
        else:
            offer.prepared.conversions.append(approximated(path, f"sent as the aspect ratio {ratio}"))
            offer.found.generation["imageConfig"] = {"aspectRatio": ratio}


def nearest_ratio(size: str) -> str | None:
    """The vendor's aspect ratio that is nearest to a size such as `1536x1024`; None for what is no size."""
    width, times, height = size.partition("x")
    if not (times and width.isascii() and height.isascii() and width.isdecimal() and height.isdecimal()):
        return None
    if len(size) > 20 or not int(width) or not int(height):
        return None
    return min(ASPECT_RATIOS, key=lambda ratio: _distance(ratio, int(width) / int(height)))


def _distance(ratio: str, wanted: float) -> float:
    """By which factor, from 1 on, a ratio is larger or smaller than the wanted one."""
    width, _, height = ratio.partition(":")
    factor = int(width) / int(height) / wanted
    return max(factor, 1 / factor)


_ENCODERS: Final[Mapping[str, Callable[[_Offer, HostedTool], None]]] = {
    "web_search": _web_search,
    "code_interpreter": _code_execution,
    "file_search": _file_search,
    IMAGES: _image_generation,
}
"""By the plain name; `models.HOSTED_TOOLS` lists them."""
