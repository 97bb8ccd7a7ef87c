"""What the answers of vendors hold: for each format one answer with everything in it, read by the provider."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from proxy.responses.events import Annotation, Event, Proof, Reasoning, Usage
from proxy.testing.exchange import Exchange
from proxy.testing.replay import play

if TYPE_CHECKING:
    from tests.docs.capabilities import Column

SEARCH: Final[Mapping[str, Any]] = {
    "tools": [{"type": "web_search"}],
    "reasoning": {"effort": "high", "summary": "auto"},
}

CITED: Final = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 4}


def _chat(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Cold", **message}}
        ],
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 10,
            "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
    }


_RESPONSE: Final = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "proof",
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Cold", "annotations": [CITED]}],
        },
    ],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 30,
    },
}

_MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "proof"},
        {
            "type": "text",
            "text": "Cold",
            "citations": [
                {
                    "type": "web_search_result_location",
                    "url": "https://a.example",
                    "title": "A",
                    "cited_text": "Cold",
                    "encrypted_index": "x",
                }
            ],
        },
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 15,
        "cache_read_input_tokens": 5,
        "output_tokens": 10,
        "output_tokens_details": {"thinking_tokens": 4},
    },
}

_GENERATED: Final = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "Hm", "thought": True}, {"text": "Cold", "thoughtSignature": "cHJvb2Y="}],
            },
            "finishReason": "STOP",
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
                "groundingSupports": [{"segment": {"endIndex": 4, "text": "Cold"}, "groundingChunkIndices": [0]}],
            },
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 5,
        "candidatesTokenCount": 6,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 30,
    },
}

_CONVERSED: Final = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "proof"}}},
                {
                    "citationsContent": {
                        "content": [{"text": "Cold"}],
                        "citations": [
                            {
                                "title": "A",
                                "location": {"web": {"url": "https://a.example", "domain": "a.example"}},
                                "sourceContent": [{"text": "Cold"}],
                            }
                        ],
                    }
                },
            ],
        }
    },
    "stopReason": "end_turn",
    "usage": {"inputTokens": 15, "cacheReadInputTokens": 5, "outputTokens": 10, "totalTokens": 30},
}

_MISTRAL: Final = {
    "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "signature": "proof", "closed": True},
        {"type": "text", "text": "Cold"},
        {"type": "tool_reference", "tool": "web_search", "title": "A", "url": "https://a.example"},
    ]
}

_COHERE: Final = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Cold"}],
        "citations": [
            {
                "start": 0,
                "end": 4,
                "text": "Cold",
                "type": "TEXT_CONTENT",
                "content_index": 1,
                "sources": [
                    {"type": "document", "id": "d", "document": {"id": "d", "title": "A", "url": "https://a.example"}}
                ],
            }
        ],
    },
    "usage": {
        "cached_tokens": 5,
        "billed_units": {"input_tokens": 20, "output_tokens": 10},
        "tokens": {"input_tokens": 20, "output_tokens": 10},
    },
}

_OLLAMA: Final = {
    "model": "m",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "thinking": "Hm", "content": "Cold"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 20,
    "eval_count": 10,
}

_OPENROUTER: Final = {
    "reasoning": "Hm",
    "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "signature": "proof", "index": 0}],
    "annotations": [{"type": "url_citation", "url_citation": CITED}],
}

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "OpenAI": _RESPONSE,
    "Azure": _RESPONSE,
    "OpenAI, Chat": _chat({"annotations": [{"type": "url_citation", "url_citation": CITED}]}),
    "Anthropic": _MESSAGE,
    "Gemini": _GENERATED,
    "Vertex AI": _GENERATED,
    "Mistral": _chat(_MISTRAL),
    "Cohere": _COHERE,
    "Ollama": _OLLAMA,
    "Bedrock: Claude": _CONVERSED,
    "OpenRouter, Chat": _chat(_OPENROUTER),
    "other Chat servers": _chat({"reasoning_content": "Hm"}),
}
"""By the title of the column."""


def _usage(events: Sequence[Event], member: str) -> bool:
    return any(getattr(event, member) for event in events if isinstance(event, Usage))


def _any(kind: type) -> Callable[[Sequence[Event]], bool]:
    return lambda events: any(isinstance(event, kind) for event in events)


ANSWERS: Final[Mapping[str, Callable[[Sequence[Event]], bool]]] = {
    "reasoning, as text": _any(Reasoning),
    "a proof of the reasoning, for the next turn (`encrypted_content`)": _any(Proof),
    "citations (`annotations`)": _any(Annotation),
    "tokens read from a cache": lambda events: _usage(events, "cached_tokens"),
    "tokens of the reasoning": lambda events: _usage(events, "reasoning_tokens"),
}
"""The rows: what has to be among the events."""


def answered(column: "Column") -> Sequence[Event]:
    """The events of the answer."""
    exchange = Exchange(column.title, column.model, orjson.dumps(SAMPLES[column.title]), request=SEARCH)
    played = play(column.provider, exchange)
    assert played.error is None, (column.title, played.error)
    return played.neutral
