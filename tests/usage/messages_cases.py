"""How Anthropic reports usage. The numbers were computed by hand, from the prices in `case`."""

from typing import Final

from tests.usage.case import TEXT, Case, Json


def messages(
    shows: str,
    first: Json,
    last: Json,
    *,
    usage: tuple[int, int, int, int, int],
    kinds: tuple[int, int, int, int, int],
    cost: str,
) -> Case:
    """`first` stands at the start of the stream and `last` at its end; the plain answer has both in one."""
    block = {"type": "text", "text": TEXT}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    frames: tuple[Json, ...] = (
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": first}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": last},
        {"type": "message_stop"},
    )
    merged = {**first, **{name: value for name, value in last.items() if value}}
    whole = {**message, **end, "content": [block], "usage": merged}
    return Case(shows, "anthropic", whole, frames, usage, kinds, cost)


MESSAGES: Final = (
    messages(
        "two numbers",
        {"input_tokens": 12, "output_tokens": 1},
        {"output_tokens": 9},
        usage=(12, 0, 0, 9, 0),
        kinds=(12, 0, 0, 9, 0),
        # 24 + 90
        cost="0.000114",
    ),
    messages(
        "reads and writes are beside the input; writes by how long they last; thinking is a part",
        {
            "input_tokens": 20,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 1,
        },
        {"output_tokens": 45, "output_tokens_details": {"thinking_tokens": 18}},
        usage=(150, 100, 30, 45, 18),
        kinds=(20, 100, 30, 27, 18),
        # 40 + 20 + 25 + 80 + 270 + 216
        cost="0.000651",
    ),
    messages(
        "what was read is told at the start alone",
        {"input_tokens": 3, "cache_read_input_tokens": 2455, "cache_creation_input_tokens": 0, "output_tokens": 1},
        {"output_tokens": 7},
        usage=(2458, 2455, 0, 7, 0),
        kinds=(3, 2455, 0, 7, 0),
        # 6 + 491 + 70
        cost="0.000567",
    ),
    messages(
        "told again at the end",
        {"input_tokens": 542, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 8, "output_tokens": 1},
        {"input_tokens": 542, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 8, "output_tokens": 62},
        usage=(590, 40, 8, 62, 0),
        kinds=(542, 40, 8, 62, 0),
        # 1084 + 8 + 20 + 620
        cost="0.001732",
    ),
    messages(
        "the input grows with the server's own turns",
        {"input_tokens": 1128, "output_tokens": 2},
        {"input_tokens": 2411, "output_tokens": 145, "output_tokens_details": {"thinking_tokens": 47}},
        usage=(2411, 0, 0, 145, 47),
        kinds=(2411, 0, 0, 98, 47),
        # 4822 + 980 + 564
        cost="0.006366",
    ),
    messages(
        "a first guess is corrected",
        {"input_tokens": 5000, "output_tokens": 1},
        {"input_tokens": 400, "output_tokens": 8},
        usage=(400, 0, 0, 8, 0),
        kinds=(400, 0, 0, 8, 0),
        # 800 + 80
        cost="0.00088",
    ),
    messages(
        "zeros at the end take nothing back",
        {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 1},
        {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 9},
        usage=(17, 5, 0, 9, 0),
        kinds=(12, 5, 0, 9, 0),
        # 24 + 1 + 90
        cost="0.000115",
    ),
    messages(
        "a search, and what it wrote to the cache",
        {"input_tokens": 2200, "output_tokens": 1},
        {
            "input_tokens": 2254,
            "cache_creation_input_tokens": 17269,
            "cache_read_input_tokens": 0,
            "output_tokens": 112,
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 3},
        },
        usage=(19523, 0, 17269, 112, 0),
        kinds=(2254, 0, 17269, 112, 0),
        # 4508 + 43172.5 + 1120 + 10000
        cost="0.0588005",
    ),
    messages(
        "what compaction took is beside the sums",
        {"input_tokens": 100, "output_tokens": 1},
        {
            "output_tokens": 20,
            "iterations": [
                {
                    "type": "compaction",
                    "input_tokens": 1000,
                    "cache_read_input_tokens": 200,
                    "cache_creation_input_tokens": 300,
                    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 300},
                    "output_tokens": 50,
                },
                {"type": "message", "input_tokens": 100, "output_tokens": 20},
            ],
        },
        usage=(1600, 200, 300, 70, 0),
        kinds=(1100, 200, 300, 70, 0),
        # 2200 + 40 + 1200 + 700
        cost="0.00414",
    ),
    messages(
        "nulls",
        {"input_tokens": 12, "cache_read_input_tokens": None, "cache_creation": None, "output_tokens": 1},
        {"input_tokens": None, "output_tokens": 9, "output_tokens_details": None, "server_tool_use": None},
        usage=(12, 0, 0, 9, 0),
        kinds=(12, 0, 0, 9, 0),
        cost="0.000114",
    ),
)
