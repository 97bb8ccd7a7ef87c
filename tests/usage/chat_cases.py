"""How servers that speak Chat Completions report usage. The numbers are computed by hand, with the prices in `case`."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from tests.usage.case import TEXT, Case, Json

Place: TypeAlias = Literal["last", "finish", "choice", "groq"]
"""Where a stream has its last report: behind all choices, beside the finish reason, in the choice, in `x_groq`."""


def chat(
    shows: str,
    server: str,
    *reports: Json,
    usage: tuple[int, int, int, int, int],
    kinds: tuple[int, int, int, int, int],
    cost: str,
    place: Place = "last",
    beside: Json | None = None,
    model: str = "m",
) -> Case:
    """Several reports stand in as many chunks, one each, the last one at its `place`; the plain answer has the last one
    that says anything. `beside` are other members of the last chunk."""
    *earlier, last = reports
    told = next((report for report in reversed(reports) if report.get("prompt_tokens")), last)
    message = {"role": "assistant", "content": TEXT}
    whole = _completion({"index": 0, "message": message, "finish_reason": "stop"}) | {"usage": told} | (beside or {})
    if place == "choice":
        whole["choices"][0]["usage"] = whole.pop("usage")
    return Case(shows, server, whole, (*_chunks(earlier, last, place, beside or {}),), usage, kinds, cost, model)


def _completion(*choices: Json) -> Json:
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": list(choices)}


def _chunk(delta: Json, finish: str | None = None) -> Json:
    return _completion({"index": 0, "delta": delta, "finish_reason": finish}) | {"usage": None}


def _chunks(earlier: Sequence[Json], last: Json, place: Place, beside: Json) -> Iterator[Json]:
    words = TEXT.split(" ")
    for number, word in enumerate(words):
        chunk = _chunk({"content": f" {word}" if number else word})
        if number < len(earlier):
            chunk["usage"] = earlier[number]
        yield chunk
    end = _chunk({}, "stop")
    if place == "last":
        yield end
        yield _completion() | {"usage": last} | beside
    elif place == "groq":
        yield end | {"usage": None, "x_groq": {"id": "req_1", "usage": last}}
    elif place == "choice":
        end["choices"][0]["usage"] = last
        yield end
    else:
        yield end | {"usage": last} | beside


def counts(given: Any, made: Any, total: Any = None, **members: Any) -> Json:
    """The usual names; without a total it is the sum."""
    return {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made if total is None else total,
        **members,
    }


def read(**members: int) -> Json:
    """`prompt_tokens_details`."""
    return {"prompt_tokens_details": members}


def made(**members: int) -> Json:
    """`completion_tokens_details`."""
    return {"completion_tokens_details": members}


CHAT: Final = (
    chat(
        "two numbers",
        "openai",
        counts(100, 20),
        usage=(100, 0, 0, 20, 0),
        kinds=(100, 0, 0, 20, 0),
        # 200 + 200
        cost="0.0004",
    ),
    chat(
        "reads and reasoning are parts",
        "openai",
        counts(2006, 300) | read(cached_tokens=1920, audio_tokens=0) | made(reasoning_tokens=256, audio_tokens=0),
        usage=(2006, 1920, 0, 300, 256),
        kinds=(86, 1920, 0, 44, 256),
        # 172 + 384 + 440 + 3072
        cost="0.004068",
    ),
    chat(
        "writes are a part",
        "openai",
        counts(18014, 50) | read(cached_tokens=0, cache_write_tokens=18011),
        usage=(18014, 0, 18011, 50, 0),
        kinds=(3, 0, 18011, 50, 0),
        # 6 + 45027.5 + 500
        cost="0.0455335",
    ),
    chat(
        "the same is read again",
        "openai",
        counts(18014, 50) | read(cached_tokens=18011, cache_write_tokens=0),
        usage=(18014, 18011, 0, 50, 0),
        kinds=(3, 18011, 0, 50, 0),
        # 6 + 3602.2 + 500
        cost="0.0041082",
    ),
    chat(
        "sound is a part of both",
        "openai",
        counts(90, 60) | read(audio_tokens=70, cached_tokens=0) | made(audio_tokens=40, text_tokens=20),
        usage=(90, 0, 0, 60, 0),
        kinds=(90, 0, 0, 60, 0),
        # 20 * 2 + 70 * 6 + 20 * 10 + 40 * 20
        cost="0.00146",
    ),
    chat(
        "predicted tokens are in the sums",
        "openai",
        counts(10, 30) | made(accepted_prediction_tokens=12, rejected_prediction_tokens=8, reasoning_tokens=0),
        usage=(10, 0, 0, 30, 0),
        kinds=(10, 0, 0, 30, 0),
        # 20 + 300
        cost="0.00032",
    ),
    chat(
        "a search model has searched once",
        "openai",
        counts(13, 197) | read(cached_tokens=0) | made(reasoning_tokens=0),
        model="gpt-4o-search-preview",
        usage=(13, 0, 0, 197, 0),
        kinds=(13, 0, 0, 197, 0),
        # 26 + 1970 + 10000
        cost="0.011996",
    ),
    chat(
        "a wrong total is not copied",
        "openai",
        counts(100, 20, total=999),
        usage=(100, 0, 0, 20, 0),
        kinds=(100, 0, 0, 20, 0),
        cost="0.0004",
    ),
    chat(
        "reads and misses, with the finish reason",
        "deepseek",
        counts(372, 12, prompt_cache_hit_tokens=256, prompt_cache_miss_tokens=116) | made(reasoning_tokens=5),
        place="finish",
        usage=(372, 256, 0, 12, 5),
        kinds=(116, 256, 0, 7, 5),
        # 232 + 51.2 + 70 + 60
        cost="0.0004132",
    ),
    chat(
        "reads are told twice",
        "deepseek",
        counts(434, 56, prompt_cache_hit_tokens=384, prompt_cache_miss_tokens=50) | read(cached_tokens=384),
        place="finish",
        usage=(434, 384, 0, 56, 0),
        kinds=(50, 384, 0, 56, 0),
        # 100 + 76.8 + 560
        cost="0.0007368",
    ),
    chat(
        "reasoning is beside the completion",
        "xai",
        counts(436, 68, total=652) | read(text_tokens=436, cached_tokens=152) | made(reasoning_tokens=148),
        usage=(436, 152, 0, 216, 148),
        kinds=(284, 152, 0, 68, 148),
        # 568 + 30.4 + 680 + 1776
        cost="0.0030544",
    ),
    chat(
        "reasoning is within the completion, and sources are billed",
        "xai",
        counts(436, 216, total=652, num_sources_used=2) | read(cached_tokens=152) | made(reasoning_tokens=148),
        usage=(436, 152, 0, 216, 148),
        kinds=(284, 152, 0, 68, 148),
        # as before + 20000
        cost="0.0230544",
    ),
    chat(
        "in the choice, and reads beside the sums",
        "moonshot",
        counts(100, 30, cached_tokens=40) | made(reasoning_tokens=7),
        place="choice",
        usage=(100, 40, 0, 30, 7),
        kinds=(60, 40, 0, 23, 7),
        # 120 + 8 + 230 + 84
        cost="0.000442",
    ),
    chat(
        "reasoning is most of it",
        "dashscope",
        counts(24, 1668) | read(cached_tokens=0) | made(reasoning_tokens=1353),
        usage=(24, 0, 0, 1668, 1353),
        kinds=(24, 0, 0, 315, 1353),
        # 48 + 3150 + 16236
        cost="0.019434",
    ),
    chat(
        "reads and reasoning",
        "glm",
        counts(279, 131) | read(cached_tokens=43) | made(reasoning_tokens=82),
        place="finish",
        usage=(279, 43, 0, 131, 82),
        kinds=(236, 43, 0, 49, 82),
        # 472 + 8.6 + 490 + 984
        cost="0.0019546",
    ),
    chat(
        "with the finish reason",
        "minimax",
        counts(40, 15, total_characters=0) | made(reasoning_tokens=5),
        place="finish",
        usage=(40, 0, 0, 15, 5),
        kinds=(40, 0, 0, 10, 5),
        # 80 + 100 + 60
        cost="0.00024",
    ),
    chat(
        "sound is beside the prompt",
        "mistral",
        counts(9, 201, total=585, prompt_audio_seconds=4) | read(cached_tokens=0, audio_tokens=375),
        place="finish",
        usage=(384, 0, 0, 201, 0),
        kinds=(384, 0, 0, 201, 0),
        # 18 + 2250 + 2010
        cost="0.004278",
    ),
    chat(
        "reads have another name",
        "mistral",
        counts(20, 5, num_cached_tokens=12),
        place="finish",
        usage=(20, 12, 0, 5, 0),
        kinds=(8, 12, 0, 5, 0),
        # 16 + 2.4 + 50
        cost="0.0000684",
    ),
    chat(
        "cumulative, in every chunk",
        "perplexity",
        counts(8, 1),
        counts(8, 3),
        counts(8, 5, search_context_size="low", cost={"total_cost": 0.00501}),
        usage=(8, 0, 0, 5, 0),
        kinds=(8, 0, 0, 5, 0),
        # 16 + 50
        cost="0.000066",
    ),
    chat(
        "sources that were read, reasoning and searches are beside the sums",
        "perplexity",
        counts(33, 7163, citation_tokens=20016, num_search_queries=30, reasoning_tokens=73997),
        model="sonar-deep-research",
        usage=(20049, 0, 0, 81160, 73997),
        kinds=(20049, 0, 0, 7163, 73997),
        # 40098 + 71630 + 887964 + 300000
        cost="1.299692",
    ),
    chat(
        "the same numbers at two places",
        "groq",
        counts(304, 49) | made(reasoning_tokens=23),
        counts(304, 49, queue_time=0.005) | made(reasoning_tokens=23),
        place="groq",
        usage=(304, 0, 0, 49, 23),
        kinds=(304, 0, 0, 26, 23),
        # 608 + 260 + 276
        cost="0.001144",
    ),
    chat(
        "reads stand beside the sums",
        "together",
        counts(198, 24, cached_tokens=50),
        place="finish",
        usage=(198, 50, 0, 24, 0),
        kinds=(148, 50, 0, 24, 0),
        # 296 + 10 + 240
        cost="0.000546",
    ),
    chat(
        "reads in the details",
        "fireworks",
        counts(100, 10) | read(cached_tokens=64),
        usage=(100, 64, 0, 10, 0),
        kinds=(36, 64, 0, 10, 0),
        # 72 + 12.8 + 100
        cost="0.0001848",
    ),
    chat(
        "no reads",
        "cerebras",
        counts(74, 36) | read(cached_tokens=0),
        usage=(74, 0, 0, 36, 0),
        kinds=(74, 0, 0, 36, 0),
        # 148 + 360
        cost="0.000508",
    ),
    chat(
        "reads beside the sums",
        "huggingface",
        counts(40, 100, cached_tokens=30),
        usage=(40, 30, 0, 100, 0),
        kinds=(10, 30, 0, 100, 0),
        # 20 + 6 + 1000
        cost="0.001026",
    ),
    chat(
        "writes are a part, the server's own cost is not ours",
        "openrouter",
        counts(25612, 10, cost=0.0964, is_byok=False) | read(cached_tokens=0, cache_write_tokens=25600),
        usage=(25612, 0, 25600, 10, 0),
        kinds=(12, 0, 25600, 10, 0),
        # 24 + 64000 + 100
        cost="0.064124",
    ),
    chat(
        "a search",
        "openrouter",
        counts(2317, 53, server_tool_use_details={"web_search_requests": 1, "tool_calls_executed": 1}),
        usage=(2317, 0, 0, 53, 0),
        kinds=(2317, 0, 0, 53, 0),
        # 4634 + 530 + 10000
        cost="0.015164",
    ),
    chat(
        "pictures are a part",
        "openrouter",
        counts(10, 1300) | made(image_tokens=1290, reasoning_tokens=0, audio_tokens=0),
        usage=(10, 0, 0, 1300, 0),
        kinds=(10, 0, 0, 1300, 0),
        # 20 + 100 + 38700
        cost="0.03882",
    ),
    chat(
        "cumulative, in every chunk",
        "vllm",
        counts(50, 1),
        counts(50, 2),
        counts(50, 3),
        counts(50, 3) | read(cached_tokens=32),
        usage=(50, 32, 0, 3, 0),
        kinds=(18, 32, 0, 3, 0),
        # 36 + 6.4 + 30
        cost="0.0000724",
    ),
    chat(
        "reasoning beside the sums is a part",
        "sglang",
        counts(20, 9, reasoning_tokens=3) | {"prompt_tokens_details": None},
        usage=(20, 0, 0, 9, 3),
        kinds=(20, 0, 0, 6, 3),
        # 40 + 60 + 36
        cost="0.000136",
    ),
    chat(
        "reads are among the timings",
        "llama_cpp",
        counts(9, 4),
        beside={"timings": {"cache_n": 7, "prompt_n": 2, "predicted_n": 4}},
        usage=(9, 7, 0, 4, 0),
        kinds=(2, 7, 0, 4, 0),
        # 4 + 1.4 + 40
        cost="0.0000454",
    ),
    chat(
        "two numbers",
        "ollama",
        counts(195, 140),
        usage=(195, 0, 0, 140, 0),
        kinds=(195, 0, 0, 140, 0),
        # 390 + 1400
        cost="0.00179",
    ),
    chat(
        "reasoning is a part",
        "lm_studio",
        counts(12, 6) | made(reasoning_tokens=4),
        usage=(12, 0, 0, 6, 4),
        kinds=(12, 0, 0, 2, 4),
        # 24 + 20 + 48
        cost="0.000092",
    ),
    chat(
        "names of Messages, with sums that include them",
        "generic",
        counts(469, 10, cache_read_input_tokens=100, cache_creation_input_tokens=50),
        usage=(469, 100, 50, 10, 0),
        kinds=(319, 100, 50, 10, 0),
        # 638 + 20 + 125 + 100
        cost="0.000883",
    ),
    chat(
        "thoughts are in the total alone",
        "generic",
        counts(35, 12, total=109),
        usage=(35, 0, 0, 74, 62),
        kinds=(35, 0, 0, 12, 62),
        # 70 + 120 + 744
        cost="0.000934",
    ),
    chat(
        "more reasoning than completion is not a part of it",
        "generic",
        counts(28, 9) | made(reasoning_tokens=61),
        usage=(28, 0, 0, 70, 61),
        kinds=(28, 0, 0, 9, 61),
        # 56 + 90 + 732
        cost="0.000878",
    ),
    chat(
        "whole numbers with a point",
        "generic",
        counts(9.0, 2.0) | {"prompt_tokens_details": {"cached_tokens": 4.0}},
        usage=(9, 4, 0, 2, 0),
        kinds=(5, 4, 0, 2, 0),
        # 10 + 0.8 + 20
        cost="0.0000308",
    ),
    chat(
        "more reads than input",
        "generic",
        counts(198, 18) | read(cached_tokens=314),
        usage=(198, 198, 0, 18, 0),
        kinds=(0, 198, 0, 18, 0),
        # 39.6 + 180
        cost="0.0002196",
    ),
    chat(
        "details that are no numbers",
        "generic",
        counts(10, 2) | {"prompt_tokens_details": {"cached_tokens": -4}, "completion_tokens_details": [1]},
        usage=(10, 0, 0, 2, 0),
        kinds=(10, 0, 0, 2, 0),
        # 20 + 20
        cost="0.00004",
    ),
    chat(
        "no completion beside the total",
        "generic",
        {"prompt_tokens": 9, "total_tokens": 12},
        usage=(9, 0, 0, 3, 0),
        kinds=(9, 0, 0, 3, 0),
        # 18 + 30
        cost="0.000048",
    ),
    chat(
        "nothing",
        "generic",
        counts(0, 0),
        usage=(0, 0, 0, 0, 0),
        kinds=(0, 0, 0, 0, 0),
        cost="0",
    ),
    chat(
        "nothing at the end takes nothing back",
        "generic",
        counts(100, 20),
        counts(0, 0),
        usage=(100, 0, 0, 20, 0),
        kinds=(100, 0, 0, 20, 0),
        cost="0.0004",
    ),
    chat(
        "only the output is nothing",
        "generic",
        counts(9, 0),
        usage=(9, 0, 0, 0, 0),
        kinds=(9, 0, 0, 0, 0),
        cost="0.000018",
    ),
    chat(
        "millions",
        "generic",
        counts(3_000_001, 1_000_000) | read(cached_tokens=1_000_000),
        usage=(3_000_001, 1_000_000, 0, 1_000_000, 0),
        kinds=(2_000_001, 1_000_000, 0, 1_000_000, 0),
        # 4000002 + 200000 + 10000000
        cost="14.200002",
    ),
)
