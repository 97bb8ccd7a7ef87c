"""Log probabilities: the vendor tells them of pieces of text, each of one token or of several."""

from typing import TypeAlias

from providers.cohere.reading import Json, mapping, mappings, probability, text

Entries: TypeAlias = list[dict[str, object]]


def entry(item: object) -> Entries:
    """The entry of a piece of text, whose probability is that of all its tokens; nothing where none is told."""
    piece = text(mapping(item).get("text"))
    values = mapping(item).get("logprobs")
    told = [probability(value) for value in values] if isinstance(values, list) else []
    known = [value for value in told if value is not None]
    if not piece or not known or len(known) < len(told):
        return []
    content = piece.encode("utf-8", "surrogatepass")
    return [{"token": piece, "logprob": sum(known), "bytes": list(content), "top_logprobs": []}]


def pieces_of(told: object, answer: str) -> list[Json]:
    """The pieces that the text of a whole answer came in, which stand at the end of all that was written; none where
    they do not come to the text."""
    pieces = mappings(told)
    before = sum(len(text(piece.get("text"))) for piece in pieces) - len(answer)
    place = 0
    while before > 0 and place < len(pieces):
        before -= len(text(pieces[place].get("text")))
        place += 1
    rest = pieces[place:]
    return rest if "".join(text(piece.get("text")) for piece in rest) == answer else []
