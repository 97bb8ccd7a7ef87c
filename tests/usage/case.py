"""How vendors report usage, and what that comes to: each number of the right side was computed by hand.

Prices are those of `PRICE`; in micro-dollars a token: input 2, output 10, reasoning 12, cache read 0.2, cache write 2.5
for five minutes and 4 for an hour, sound 6 in and 20 out, pictures 30; a web search is 10,000.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

Json: TypeAlias = dict[str, Any]

PRICE: Final[Mapping[str, Any]] = {
    "input": 2,
    "output": 10,
    "reasoning": 12,
    "cache_read": 0.2,
    "cache_write_5m": 2.5,
    "cache_write_1h": 4,
    "input_audio": 6,
    "output_audio": 20,
    "output_image": 30,
    "web_search": 0.01,
}

TEXT: Final = "one two three"


@dataclass(frozen=True)
class Case:
    """One shape. `server` is the dialect of Chat Completions, `anthropic` or `gemini`; `whole` is the plain answer,
    `frames` are the streamed one.

    `usage`: input, cached, written to the cache, output and reasoning tokens of the response. `kinds`: what is added to
    `dragoman_tokens_total`: input, cache_read, cache_write, output, reasoning. `cost`: exact, in USD.
    """

    shows: str
    server: str
    whole: Json
    frames: tuple[Json, ...]
    usage: tuple[int, int, int, int, int]
    kinds: tuple[int, int, int, int, int]
    cost: str
    model: str = "m"

    @property
    def id(self) -> str:
        """For the test's name."""
        return f"{self.server}: {self.shows}"

    @property
    def body(self) -> bytes:
        """The plain answer."""
        return orjson.dumps(self.whole)

    @property
    def stream(self) -> bytes:
        """The streamed answer."""
        if self.server == "anthropic":
            return b"".join(
                b"event: %b\ndata: %b\n\n" % (each["type"].encode(), orjson.dumps(each)) for each in self.frames
            )
        end = b"" if self.server == "gemini" else b"data: [DONE]\n\n"
        return b"".join(b"data: %b\r\n\r\n" % orjson.dumps(each) for each in self.frames) + end
