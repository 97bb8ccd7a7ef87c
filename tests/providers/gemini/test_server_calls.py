"""What Google's own tools do within an answer: their items, and the proofs from which the next request has their parts
again."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from proxy.provider.history import HOSTED_PROOF, HistoryItem, OpenedProof, ReasoningItem
from proxy.responses.events import CallOpened, Event, Hosted, Proof, Text, Unmapped
from tests.providers.gemini.answers import (
    assembled,
    call,
    chunk,
    output,
    said,
    shown,
    stop,
    streamed,
    thought,
    whole,
)
from tests.providers.gemini.requests import encoded, user

CODE = {"executableCode": {"code": "print(1)", "language": "PYTHON"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}


def both(*parts: Any, images: bool = False) -> list[Any]:
    """The output of the parts in a whole answer; in a stream of one part a chunk it has to be the same."""
    events = output(whole(stop(*parts), images=images))
    assert output(streamed(*(chunk(part) for part in parts), stop(), images=images)) == events
    return events


def items(*parts: Any, images: bool = False, **candidate: Any) -> list[dict[str, Any]]:
    """What the client gets, without the proofs."""
    found = assembled(whole(stop(*parts, **candidate), images=images)).output
    return [item for item in found if not _holds_parts(item)]


def kinds(*parts: Any, images: bool = False, **candidate: Any) -> list[str]:
    return [item["type"] for item in items(*parts, images=images, **candidate)]


def tool(kind: str, identifier: str = "c", response: Any = None, **args: Any) -> list[dict[str, Any]]:
    return [
        {"toolCall": {"toolType": kind, "id": identifier, "args": args}},
        {"toolResponse": {"toolType": kind, "id": identifier, "response": response}},
    ]


def _holds_parts(item: dict[str, Any]) -> bool:
    return item["type"] == "reasoning" and str(item.get("encrypted_content")).startswith(HOSTED_PROOF)


# --- code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("OUTCOME_OK", "completed"),
        (1, "completed"),
        ("OUTCOME_FAILED", "failed"),
        (2, "failed"),
        ("OUTCOME_DEADLINE_EXCEEDED", "failed"),
        (3, "failed"),
    ],
)
def test_code(outcome: Any, status: str) -> None:
    result = {"codeExecutionResult": {"outcome": outcome, "output": "1\n"}}
    assert [type(event) for event in both(said("A"), CODE, result, said("B"))] == [Text, Hosted, Proof, Hosted, Text]
    assert kinds(said("A"), CODE, result, said("B")) == ["message", "code_interpreter_call", "message"]
    item = items(said("A"), CODE, result, said("B"))[1]
    assert item["status"] == status
    assert shown(item) == {
        "code": "print(1)",
        "container_id": "gemini",
        "outputs": [{"type": "logs", "logs": "1\n"}],
    }


def test_results_find_their_code() -> None:
    code = [{"executableCode": {"code": name, "id": name}} for name in "ab"]
    results = [{"codeExecutionResult": {"output": name.upper(), "id": name}} for name in "ba"]
    found = [(item["code"], item["outputs"][0]["logs"]) for item in items(*code, *results)]
    assert found == [("a", "A"), ("b", "B")]


@pytest.mark.parametrize(("ours", "theirs"), [("", "x"), ("x", ""), ("", ""), ("x", "x")])
def test_results_find_their_code_where_ids_are_missing(ours: str, theirs: str) -> None:
    code = {"executableCode": {"code": "a", "id": ours}}
    search = tool("GOOGLE_SEARCH_WEB", identifier="")[0]
    found = items(search, code, {"codeExecutionResult": {"output": "A", "id": theirs}})
    assert [item["type"] for item in found] == ["web_search_call", "code_interpreter_call"]
    assert found[1]["outputs"] == [{"type": "logs", "logs": "A"}]


def test_a_result_of_another_code() -> None:
    found = items({"executableCode": {"code": "a", "id": "x"}}, {"codeExecutionResult": {"output": "B", "id": "y"}})
    assert sorted((item["code"], item["status"]) for item in found) == [("", "completed"), ("a", "failed")]


def test_code_without_a_result_failed_and_holds_nothing_up() -> None:
    assert [(item["type"], item["status"]) for item in items(CODE, said("A"))] == [
        ("code_interpreter_call", "failed"),
        ("message", "completed"),
    ]
    assert [type(event) for event in both(CODE, call("f"))[:4]] == [Hosted, Proof, Hosted, CallOpened]
    assert items(CODE)[0]["status"] == "failed"
    assert assembled(streamed(chunk(CODE), stop(reason="MAX_TOKENS"))).output[0]["status"] == "incomplete"


@pytest.mark.parametrize("end", [[stop(reason="MAX_TOKENS")], [{"error": {"message": "No."}}], []])
def test_code_that_ran_has_run_however_the_answer_ends(end: list[Any]) -> None:
    item, proof = assembled(streamed(chunk(CODE), chunk(RESULT), *end)).output
    assert (item["status"], item["outputs"]) == ("completed", [{"type": "logs", "logs": "1\n"}])
    assert _holds_parts(proof)


def test_a_result_without_code() -> None:
    (item,) = items(RESULT)
    assert shown(item) == {"code": "", "container_id": "gemini", "outputs": [{"type": "logs", "logs": "1\n"}]}


def test_what_code_drew_is_its_output() -> None:
    both(CODE, RESULT, PICTURE, PICTURE, said("A"))
    code, message = items(CODE, RESULT, PICTURE, said("A"))
    logs = {"type": "logs", "logs": "1\n"}
    assert code["outputs"] == [logs, {"type": "image", "url": "data:image/png;base64,AA=="}]
    assert message["content"][0]["text"] == "A"


# --- searches ---------------------------------------------------------------------------------------------------------


def test_searches() -> None:
    parts = [*tool("GOOGLE_SEARCH_WEB", queries=["q", "r"]), *tool("GOOGLE_SEARCH_IMAGE", queries=["i"]), said("A")]
    both(*parts)
    first, second, message = items(*parts)
    assert shown(first) == {"action": {"type": "search", "query": "q", "queries": ["q", "r"], "sources": []}}
    assert shown(second) == {"action": {"type": "search", "query": "i", "queries": ["i"], "sources": []}}
    assert message["type"] == "message"


def test_searches_are_shown_once() -> None:
    parts = [*tool("GOOGLE_SEARCH_WEB", queries=["q"]), said("A")]
    assert kinds(*parts, groundingMetadata={"webSearchQueries": ["q"]}) == ["web_search_call", "message"]


def test_an_answer_that_names_no_tool() -> None:
    parts = [tool("GOOGLE_SEARCH_WEB", queries=["q"])[0], {"toolResponse": {"id": "c", "response": {}}}]
    phases = [event.phase for event in both(*parts) if isinstance(event, Hosted)]
    assert phases == ["searching", "completed"]


@pytest.mark.parametrize(
    "names",
    [
        ("url_metadata", "retrieved_url", "url_retrieval_status"),
        ("urlMetadata", "retrievedUrl", "urlRetrievalStatus"),
    ],
)
def test_pages(names: Any) -> None:
    metadata, url, status = names
    pages = [
        {url: "https://a", status: "URL_RETRIEVAL_STATUS_SUCCESS"},
        {url: "https://b", status: "URL_RETRIEVAL_STATUS_ERROR"},
    ]
    parts = tool("URL_CONTEXT", response={metadata: pages}, urls=["https://a", "https://b"])
    found = items(*parts, said("A"), urlContextMetadata={"urlMetadata": [{"retrievedUrl": "https://a"}]})
    assert [(item["status"], item["action"]) for item in found[:2]] == [
        ("completed", {"type": "open_page", "url": "https://a"}),
        ("failed", {"type": "open_page", "url": "https://b"}),
    ]
    assert [item["type"] for item in found[2:]] == ["message"]


def test_an_answer_without_pages() -> None:
    (item,) = items(*tool("URL_CONTEXT", response={"status": "ok"}, url="https://a"))
    assert (item["status"], item["action"]["url"]) == ("completed", "https://a")


def test_pages_without_an_answer() -> None:
    asked = tool("URL_CONTEXT", urls=["https://a", "https://b"])[0]
    assert [item["action"]["url"] for item in items(asked, said("A"))[:2]] == ["https://a", "https://b"]
    assert [item["status"] for item in items(asked)] == ["completed", "completed"]
    (item,) = items(tool("URL_CONTEXT", url="https://a")[0])
    assert item["action"]["url"] == "https://a"


def test_file_searches() -> None:
    search, message = items(*tool("FILE_SEARCH", query="q"), said("A"))
    assert shown(search) == {"queries": ["q"], "results": None}
    assert message["type"] == "message"


# --- what has no item -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "element"),
    [
        (tool("GOOGLE_MAPS")[0], "tool_call.google_maps"),
        (tool("MEDIA_PROCESSING")[0], "tool_call.media_processing"),
        (tool("OF_TOMORROW")[0], "tool_call.unknown"),
        ({"fileData": {"fileUri": "u"}}, "file_data"),
        ({"functionResponse": {"name": "f"}, "thoughtSignature": "S"}, "function_response"),
        ({"ofTomorrow": {}}, "part.unknown"),
        ({"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}, "inline_data"),
        ({"inlineData": {"mimeType": "image/png", "data": ""}}, "inline_data"),
        ({"thought": True, **PICTURE}, "thought.inline_data"),
    ],
)
def test_what_has_no_form_is_counted(part: Any, element: str) -> None:
    assert [event for event in both(part, images=True) if not isinstance(event, Proof)] == [Unmapped(element)]
    assert kinds(said("A"), part) == ["message"]


def test_images_that_were_asked_for() -> None:
    made = Hosted(1, "image_generation_call", "completed", {"result": "AA==", "output_format": "png"})
    assert both(PICTURE, images=True) == [made]
    assert kinds(said("A"), PICTURE, said("B"), images=True) == ["message", "image_generation_call", "message"]
    unknown = {"inlineData": {"mimeType": "image/heic", "data": "AA=="}}
    assert shown(items(unknown, images=True)[0]) == {"result": "AA=="}


def test_images_that_were_not_asked_for_are_no_text() -> None:
    assert both(PICTURE) == [Unmapped("inline_data")]
    assert [shown(item) for item in items(said("A"), PICTURE, said("B"))] == [["AB"]]


# --- the parts again --------------------------------------------------------------------------------------------------


def sent(*history: HistoryItem) -> list[Any]:
    turns: list[Any] = encoded(*history)[0]["contents"]
    return turns


def replayed(events: Sequence[Event]) -> list[Any]:
    """The parts of the model's turn, made of what the client got; only the proofs of tools are sent back."""
    history = [
        ReasoningItem(
            [], [], OpenedProof(HOSTED_PROOF, item["encrypted_content"].split(" ", 2)[2], "previous", None), "i"
        )
        for item in assembled(events).output
        if _holds_parts(item)
    ]
    turns = sent(user("ping"), *history, user("pong"))
    return [part for turn in turns if turn["role"] == "model" for part in turn["parts"]]


A, A2 = tool("GOOGLE_SEARCH_WEB", "a", {"search_suggestions": "<b>"}, queries=["a"])
B, B2 = tool("URL_CONTEXT", "b", {"url_metadata": [{"retrieved_url": "u"}, {"retrieved_url": "v"}]}, urls=["u", "v"])
MAP, MAP2 = tool("GOOGLE_MAPS", "m", {"places": []})
SIGNED = {**A, "thoughtSignature": "czE="}


@pytest.mark.parametrize(
    "parts",
    [
        [CODE, RESULT],
        [{**CODE, "thoughtSignature": "czE="}, {**RESULT, "thoughtSignature": "czI="}],
        [CODE, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "Traceback"}}, CODE, RESULT],
        [SIGNED, A2],
        [A, A2, B, B2],
        [A, B, A2, B2],
        [A, B, B2, A2],
        [A, CODE, RESULT, A2],
        [A, MAP, MAP2, A2],
        [MAP, MAP2],
    ],
)
def test_the_parts_go_back_exactly(parts: list[Any]) -> None:
    for surrounded in (parts, [thought("T"), *parts, said("Done")], [said("A"), *parts, call("f")]):
        assert replayed(whole(stop(*surrounded))) == parts
        assert replayed(streamed(*(chunk(part) for part in surrounded), stop())) == parts


def test_parts_that_the_vendor_does_not_take_again_stay_here() -> None:
    assert replayed(whole(stop(*tool("FILE_SEARCH", query="q"), *tool("MEDIA_PROCESSING", "d"), said("A")))) == []


def test_what_code_drew_does_not_go_back() -> None:
    assert replayed(whole(stop(CODE, RESULT, PICTURE, said("A")))) == [CODE, RESULT]


def test_an_invisible_tool_stands_where_it_stood() -> None:
    events = both(said("A"), MAP, MAP2, said("B"))
    assert [type(event) for event in events] == [Text, Unmapped, Proof, Text]
    assert len({event.key for event in events if isinstance(event, Text)}) == 2


def test_every_item_is_followed_by_its_proof() -> None:
    for parts in ([A, A2, CODE, RESULT], [A, B, A2, B2], [A, B, B2, A2, said("x")]):
        found = assembled(streamed(*(chunk(part) for part in parts), stop())).output
        last = [number for number, item in enumerate(found) if item["type"].endswith("_call")]
        last = [number for number in last if number + 1 not in last]
        assert all(_holds_parts(found[number + 1]) for number in last)


def test_a_call_that_lost_its_result_is_not_sent() -> None:
    proofs = [event for event in whole(stop(A, B, A2, B2)) if isinstance(event, Proof)]
    lone = orjson.dumps({"parts": [A, CODE, RESULT]}).decode()
    history = ReasoningItem([], [], OpenedProof(HOSTED_PROOF, lone, "previous", None), "input[1]")
    assert sent(user("ping"), history, user("pong"))[1]["parts"] == [CODE, RESULT]
    assert len(proofs) == 2


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"parts":1}', '{"parts":[1,null]}'])
def test_a_proof_that_holds_nothing(payload: str) -> None:
    history = ReasoningItem([], [], OpenedProof(HOSTED_PROOF, payload, "previous", None), "input[1]")
    assert [turn["role"] for turn in sent(user("ping"), history)] == ["user"]
