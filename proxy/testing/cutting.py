"""The answer in pieces, and the answer that breaks off."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.provider.contract import Provider
from proxy.responses.errors import ResponsesError
from proxy.testing.answers import breaches, calls_of, raised, reasoning_of, text_of
from proxy.testing.exchange import Exchange
from proxy.testing.frames import frames_of, is_streamed, sampled
from proxy.testing.problem import Problem
from proxy.testing.replay import Played, play, translate

MOST_CUTS: Final = 48
"""At how many places an answer is broken off."""

MOST_PIECES: Final = 12_000
"""In how many pieces an answer arrives."""

TERMINAL: Final = ("response.completed", "response.incomplete", "response.failed")


def same_in_pieces(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """However the vendor's bytes are cut into pieces, the client gets the same bytes: one by one (a long answer: at
    places spread over it), in pieces of seven, and cut within every character and line end."""
    whole, size = play(provider, exchange, stream=True), len(exchange.answer)
    seams = [
        place for place in range(1, size) if exchange.answer[place - 1] in b"\r\n" or exchange.answer[place] >= 0x80
    ]
    for name, cuts in (
        ("single bytes", sampled(range(size), MOST_PIECES)),
        ("pieces of seven bytes", sampled(range(0, size, 7), MOST_PIECES)),
        ("pieces that end within characters and at line ends", sampled(seams, MOST_PIECES)),
    ):
        played = play(provider, exchange, stream=True, cuts=cuts)
        if played.body != whole.body:
            place = next(
                (index for index, pair in enumerate(zip(whole.body, played.body, strict=False)) if pair[0] != pair[1]),
                min(len(whole.body), len(played.body)),
            )
            yield Problem(
                "pieces",
                exchange.id,
                f"the same stream from {name} as from the whole: {_around(whole.body, place)}",
                _around(played.body, place),
            )


def fails_when_cut(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """An answer that breaks off, between frames or inside one, has one terminal event, and is not complete before all
    of its output is there and the vendor said that it is over."""
    whole = play(provider, exchange, stream=True)
    framing = translate(provider, exchange.model, exchange.request, stream=exchange.stream).call.framing
    size = len(exchange.answer)
    ends = (
        [end for end, _ in frames_of(framing, exchange.answer)]
        if is_streamed(framing, exchange)
        else [size // 4, size // 2, size]
    )
    middles = [(start + end) // 2 for start, end in zip([0, *ends], ends, strict=False)]
    everywhere = sorted({0, *ends, *middles} - {size})
    for cut in sampled(everywhere, MOST_CUTS):
        subject = f"{exchange.id}, cut after {cut} of {size} bytes"
        yield from _cut(subject, exchange, whole, play(provider, exchange, stream=True, answer=exchange.answer[:cut]))


def _cut(subject: str, exchange: Exchange, whole: Played, played: Played) -> Iterator[Problem]:
    yield from raised("cut", subject, played)
    yield from breaches("cut", subject, played)
    ends = [event["type"] for event in played.events if event["type"] in TERMINAL]
    if len(ends) != 1:
        yield Problem("cut", subject, "exactly one terminal event", f"{ends}")
    response = played.response
    if response["status"] == "failed":
        if exchange.status_code < 400 and isinstance(played.error, ResponsesError) and played.error.status < 500:
            blamed = f"{played.error.status} {played.error.message!r:.100}"
            if whole.error is None:
                yield Problem("cut", subject, "a failure of the vendor, not of the client", blamed)
        return
    if exchange.end_optional:
        if not response["output"]:
            yield Problem("cut", subject, "a failure where there is no output", f"status {response['status']}")
    elif whole.response["status"] == "failed":
        yield Problem("cut", subject, "a failure, as of the whole answer", f"status {response['status']}")
    elif content(response) != content(whole.response):
        missing = "all of the answer's output, or a failure; a stream that just ends is `Failed` of class `cut`"
        yield Problem("cut", subject, missing, f"status {response['status']} with {content(response)!r:.200}")


def content(response: Mapping[str, Any]) -> tuple[object, ...]:
    """What a response says, without its ids."""
    kinds = [item["type"] for item in response["output"]]
    return kinds, text_of(response), reasoning_of(response), calls_of(response)


def _around(body: bytes, place: int) -> str:
    return repr(body[max(0, place - 60) : place + 60])
