"""Neutral events as no decoder would send them: of every kind, in any order, cut anywhere. Strategies of hypothesis."""

from collections.abc import Mapping
from typing import get_args

from hypothesis import strategies as st

from proxy.responses.events import (
    Annotation,
    Binding,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Hosted,
    HostedPhase,
    Key,
    Members,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
    Verbatim,
)
from proxy.responses.tool_table import ToolIdentity, ToolTable

CITATION = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 0}
LOGPROB: dict[str, object] = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}

HOSTED_FIELDS: Mapping[str, dict[str, object]] = {
    "web_search_call": {"action": {"type": "search", "query": "q"}},
    "file_search_call": {"queries": ["q"], "results": None},
    "code_interpreter_call": {"code": "print(1)", "container_id": "cntr_1"},
    "image_generation_call": {"result": "aGk="},
    "mcp_call": {"name": "n", "server_label": "s", "arguments": "{}"},
    "mcp_list_tools": {"server_label": "s", "tools": []},
}
PHASES: tuple[HostedPhase, ...] = get_args(HostedPhase)

TABLE = ToolTable(
    {
        "files__read": ToolIdentity("read", "files"),
        "patch": ToolIdentity("patch", kind="custom"),
        "shell": ToolIdentity("shell", kind="shell"),
    }
)

KEYS: st.SearchStrategy[Key] = st.sampled_from([0, 1, "1", "text"])
PIECES = st.sampled_from(["", " ", "a", "b\n", "é🙂", '"'])
ARGUMENTS = st.sampled_from(
    ["", " ", "{", "}", "{}", '{"a":', "1}", '{"a":1}', "]", "\n", '{"input":"', "\\", "n", '"', '{"commands":["ls"]}']
)
LOGPROBS: st.SearchStrategy[list[dict[str, object]] | None] = st.sampled_from([None, None, [], [LOGPROB]])

NATIVE_ITEMS: tuple[dict[str, object], ...] = (
    {"type": "message", "id": "msg_0123456789abcdef01", "role": "assistant", "content": [], "phase": "commentary"},
    {"type": "reasoning", "id": "rs_0123456789abcdef01", "summary": [], "content": [{"type": "reasoning_text"}]},
    {
        "type": "web_search_call",
        "id": "ws_0123456789abcdef01",
        "status": "in_progress",
        "action": {"type": "search", "query": "q"},
    },
    {"type": "code_interpreter_call", "id": "no id of ours", "status": "in_progress", "code": ""},
)
"""Items as a vendor that speaks Responses begins them."""

NATIVE_KEYS = st.sampled_from(["0", "1"])
NATIVE_PARTS = st.sampled_from(["0/0", "0/1", "1/0"])

NATIVE: st.SearchStrategy[Event] = st.one_of(
    st.builds(Opened, NATIVE_KEYS, st.sampled_from(NATIVE_ITEMS)),
    st.builds(Opened, NATIVE_KEYS, st.sampled_from(NATIVE_ITEMS)),
    st.builds(Closed, NATIVE_KEYS, st.sampled_from(NATIVE_ITEMS).map(lambda item: {**item, "status": "completed"})),
    st.builds(Text, NATIVE_PARTS, PIECES),
    st.builds(Refusal, NATIVE_PARTS, PIECES),
    st.builds(Reasoning, NATIVE_PARTS, PIECES, st.booleans()),
    st.builds(Proof, NATIVE_KEYS, st.just("responses"), st.just("S")),
    st.builds(Verbatim, NATIVE_KEYS, st.just("web_search_call.searching"), st.just({"item_id": "x"})),
    st.builds(Verbatim, NATIVE_KEYS, st.just("code_interpreter_call_code.delta"), st.just({"delta": "print"})),
    st.builds(Verbatim, NATIVE_KEYS, st.just("code_interpreter_call_code.done"), st.just({"code": "print"})),
    st.builds(
        CallOpened,
        NATIVE_KEYS,
        st.just("f"),
        st.none(),
        st.booleans(),
        st.sampled_from([None, "fc_0123456789abcdef01", "ctc_0123456789abcdef01"]),
        st.sampled_from([None, "files"]),
        st.just({"caller": {"type": "direct"}}),
    ),
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    NATIVE,
    st.builds(Text, KEYS, PIECES, LOGPROBS),
    st.builds(Annotation, KEYS, st.just(CITATION)),
    st.builds(Refusal, KEYS, PIECES),
    st.builds(Reasoning, KEYS, PIECES, st.booleans()),
    st.builds(Proof, KEYS, st.just("signature"), st.just("S"), st.sampled_from(get_args(Binding)), st.booleans()),
    st.builds(
        CallOpened,
        KEYS,
        st.sampled_from(["f", "files__read", "unknown", "patch", "shell"]),
        st.sampled_from([None, "", "call_1", "call_2", "x" * 65]),
        st.booleans(),
    ),
    st.builds(CallArguments, KEYS, ARGUMENTS),
    st.builds(CallArguments, KEYS, ARGUMENTS),
    st.builds(CallClosed, KEYS),
    st.sampled_from(sorted(HOSTED_FIELDS)).flatmap(
        lambda kind: st.builds(
            Hosted, st.just(kind), st.just(kind), st.sampled_from(PHASES), st.just(HOSTED_FIELDS[kind])
        )
    ),
    st.builds(Hosted, KEYS, st.just("mcp_call"), st.sampled_from(PHASES), st.just(HOSTED_FIELDS["mcp_call"])),
    st.builds(Unmapped, st.just("block")),
    st.builds(Started, st.none(), st.none(), st.sampled_from([None, "flex"])),
    st.builds(Usage, st.integers(-1, 9), st.none(), st.none(), st.none(), st.integers(-1, 9), st.none()),
)
"""Events whose stream the checker of the conformance tests knows to judge."""

# --- anything at all --------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(ANY_TEXT, values, max_size=3),
    max_leaves=5,
)
ANY_MEMBERS: st.SearchStrategy[dict[str, object]] = st.dictionaries(ANY_TEXT, ANY_VALUE, max_size=3)
HOSTED_MEMBERS = st.sampled_from(
    [
        "annotations",
        "logprobs",
        "code",
        "container_id",
        "name",
        "server_label",
        "arguments",
        "tools",
        "queries",
        "results",
        "action",
        "status",
        "id",
    ]
)

WILD_EVENTS: st.SearchStrategy[Event] = st.one_of(
    EVENTS,
    st.builds(Members, st.just({"tool_usage": {"web_search": {"num_requests": 1}}})),
    st.builds(Verbatim, NATIVE_KEYS | st.none(), st.sampled_from(["steer.accepted", "x.delta", ""]), ANY_MEMBERS),
    st.builds(
        Opened,
        NATIVE_KEYS,
        st.dictionaries(HOSTED_MEMBERS | st.just("content"), ANY_VALUE, max_size=3).map(
            lambda members: {**members, "type": "item_of_tomorrow"}
        ),
    ),
    st.builds(Closed, NATIVE_KEYS, st.dictionaries(HOSTED_MEMBERS, ANY_VALUE, max_size=3)),
    st.builds(Text, KEYS, ANY_TEXT, st.none() | st.lists(ANY_MEMBERS, max_size=3)),
    st.builds(Annotation, KEYS, ANY_MEMBERS),
    st.builds(Refusal, KEYS, ANY_TEXT),
    st.builds(Reasoning, KEYS, ANY_TEXT, st.booleans()),
    st.builds(CallArguments, KEYS, ANY_TEXT),
    st.builds(CallOpened, KEYS, st.just("shell")),
    st.builds(
        Hosted,
        KEYS,
        st.sampled_from([*sorted(HOSTED_FIELDS), "tool_of_tomorrow_call"]),
        st.sampled_from(PHASES),
        st.dictionaries(HOSTED_MEMBERS, ANY_TEXT | ANY_VALUE, max_size=4),
    ),
)
"""The same, and contents that no vendor sends."""
