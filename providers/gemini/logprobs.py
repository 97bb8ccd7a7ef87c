"""Log probabilities of a candidate in Responses form. Source: the reference of `LogprobsResult`."""

from providers.gemini.reading import Json, mapping, mappings, sequence, text

Token = dict[str, object]


def tokens_of(result: object) -> list[Token]:
    """The chosen tokens, each with those that the model considered instead."""
    members = mapping(result)
    considered = sequence(members.get("topCandidates"))
    return [
        {**_token(chosen), "top_logprobs": _considered(considered, position)}
        for position, chosen in enumerate(sequence(members.get("chosenCandidates")))
        if isinstance(chosen, dict)
    ]


def split_at(tokens: list[Token], visible: str) -> tuple[list[Token], list[Token]]:
    """The tokens that make up the text, and the rest; all of them where they do not join to it (a token may be half a
    character)."""
    joined = ""
    for number, token in enumerate(tokens, 1):
        joined += text(token["token"])
        if joined == visible:
            return tokens[:number], tokens[number:]
        if len(joined) >= len(visible):
            break
    return tokens, []


def _considered(considered: list[object], position: int) -> list[Token]:
    step = mapping(considered[position]) if position < len(considered) else {}
    return [_token(token) for token in mappings(step.get("candidates"))]


def _token(token: Json) -> Token:
    word, logprob = text(token.get("token")), token.get("logProbability")
    known = isinstance(logprob, (int, float)) and not isinstance(logprob, bool) and abs(logprob) < 2**53
    return {
        "token": word,
        "logprob": logprob if known else 0.0,
        "bytes": list(word.encode("utf-8", "replace")),
    }
