"""Items of tools that another vendor ran, told in words: what a model has to know that cannot be given the items.

A note is a message of the user and not of the developer: what a tool found is not an instruction.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import orjson

from proxy.provider.tool_record import tool_record

Item: TypeAlias = Mapping[str, Any]
Part: TypeAlias = dict[str, object]


def note_of(item: Item, *, images: bool) -> list[Part]:
    """The content of the note for a hosted item; none where the answer that follows it holds all that matters.
    `images`: the model takes images."""
    kind = item["type"]
    if kind == "image_generation_call" and item.get("result") and images and item.get("output_format") != "svg":
        return _image(item)
    write = _WRITERS.get(kind)
    text = "\n".join(line for line in write(item) if line) if write is not None else ""
    if not text:
        return []
    return [{"type": "input_text", "text": tool_record(text)}]


def _image(item: Item) -> list[Part]:
    media_type = f"image/{item.get('output_format') or 'png'}"
    return [
        {"type": "input_text", "text": tool_record("The assistant made this image.")},
        {"type": "input_image", "detail": "auto", "image_url": f"data:{media_type};base64,{item['result']}"},
    ]


def _unseen_image(item: Item) -> Iterable[str]:
    if item.get("result"):
        yield "The assistant made an image, which is not shown here."
        yield f"It was asked for: {item['revised_prompt']}" if item.get("revised_prompt") else ""


def _web_search(item: Item) -> Iterable[str]:
    action = item.get("action") or {}
    queries = action.get("queries") or ([action["query"]] if action.get("query") else [])
    sources = [source["url"] for source in action.get("sources") or () if source.get("url")]
    if sources:
        yield f"The assistant searched the web for: {'; '.join(queries)}"
        yield f"Pages that were found: {' '.join(sources)}"


def _file_search(item: Item) -> Iterable[str]:
    results = item.get("results") or ()
    if results:
        yield f"The assistant searched files for: {'; '.join(item['queries'])}"
    for result in results:
        yield f"{result.get('filename') or result.get('file_id') or 'a file'}: {result.get('text') or ''}"


def _code(item: Item) -> Iterable[str]:
    outputs = [output["logs"] for output in item.get("outputs") or () if output["type"] == "logs"]
    if item.get("code"):
        yield f"The assistant ran this code:\n{item['code']}"
        yield f"It printed:\n{''.join(outputs)}" if outputs else ""


def _mcp_call(item: Item) -> Iterable[str]:
    yield f"The assistant called {item['name']} of {item['server_label']} with: {item['arguments']}"
    yield f"It answered:\n{item['output']}" if item.get("output") else ""
    if error := item.get("error"):
        yield f"It failed: {error if isinstance(error, str) else orjson.dumps(error).decode()}"


def _approval_request(item: Item) -> Iterable[str]:
    yield f"The assistant asked whether it may call {item['name']} of {item['server_label']} with: {item['arguments']}"


def _approval_response(item: Item) -> Iterable[str]:
    yield f"The user {'approved' if item['approve'] else 'did not approve'} the call."
    yield f"Reason: {item['reason']}" if item.get("reason") else ""


_WRITERS: Final[Mapping[str, Callable[[Item], Iterable[str]]]] = {
    "web_search_call": _web_search,
    "file_search_call": _file_search,
    "code_interpreter_call": _code,
    "image_generation_call": _unseen_image,
    "mcp_call": _mcp_call,
    "mcp_approval_request": _approval_request,
    "mcp_approval_response": _approval_response,
}
