"""How Google reports usage. The numbers were computed by hand, from the prices in `case`."""

from typing import Any, Final

from tests.usage.case import TEXT, Case, Json


def gemini(
    shows: str,
    *reports: Json,
    usage: tuple[int, int, int, int, int],
    kinds: tuple[int, int, int, int, int],
    cost: str,
    candidate: Json | None = None,
    model: str = "m",
) -> Case:
    """One report a chunk; the plain answer has the last. `candidate` are other members of the last candidate."""
    *earlier, last = reports
    frames = [_content(report, " ") for report in earlier]
    whole = _content(last, TEXT, finishReason="STOP", **(candidate or {}))
    return Case(shows, "gemini", whole, (*frames, whole), usage, kinds, cost, model)


def _content(report: Json, text: str, **members: Any) -> Json:
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"content": content, "index": 0, **members}], "usageMetadata": report}


def tokens(P: int, C: int | None = None, total: int | None = None, **members: Any) -> Json:  # noqa: N803 - the prompt's
    """The sums, by the names that they have in the vendor's arithmetic; some are left out."""
    named = {"promptTokenCount": P, "candidatesTokenCount": C, "totalTokenCount": total}
    others = {"U": "toolUsePromptTokenCount", "T": "thoughtsTokenCount", "K": "cachedContentTokenCount"}
    return {
        **{name: value for name, value in named.items() if value is not None},
        **{others.get(name, name): value for name, value in members.items()},
    }


def parts(**modalities: int) -> list[Json]:
    """A list of details."""
    return [{"modality": modality, "tokenCount": number} for modality, number in modalities.items()]


SEARCHED: Final[Json] = {
    "groundingMetadata": {
        "webSearchQueries": ["oslo weather", "", "weather oslo today", "oslo weather"],
        "groundingChunks": [{"web": {"uri": "https://example.org/oslo", "title": "Oslo"}}],
    }
}

BLOCKED: Final[Json] = {
    "promptFeedback": {"blockReason": "SAFETY"},
    "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
}

GEMINI: Final = (
    gemini(
        "two numbers",
        tokens(10, 5, 15),
        usage=(10, 0, 0, 5, 0),
        kinds=(10, 0, 0, 5, 0),
        # 20 + 50
        cost="0.00007",
    ),
    gemini(
        "what tools read is beside the prompt, thoughts beside the candidates",
        tokens(500, 120, 930, U=300, T=10),
        usage=(800, 0, 0, 130, 10),
        kinds=(800, 0, 0, 120, 10),
        # 1600 + 1200 + 120
        cost="0.00292",
    ),
    gemini(
        "thoughts are a part of the candidates",
        tokens(10, 50, 65, U=5, T=30),
        usage=(15, 0, 0, 50, 30),
        kinds=(15, 0, 0, 20, 30),
        # 30 + 200 + 360
        cost="0.00059",
    ),
    gemini(
        "thoughts alone",
        tokens(15, None, 17, T=2),
        usage=(15, 0, 0, 2, 2),
        kinds=(15, 0, 0, 0, 2),
        # 30 + 24
        cost="0.000054",
    ),
    gemini(
        "repeated and growing in every chunk",
        tokens(249, 9, 441, T=183),
        tokens(249, 30, 462, T=183),
        tokens(249, 58, 490, T=183),
        usage=(249, 0, 0, 241, 183),
        kinds=(249, 0, 0, 58, 183),
        # 498 + 580 + 2196
        cost="0.003274",
    ),
    gemini(
        "reads, with sound in them and beside them",
        tokens(
            17713,
            68,
            18602,
            T=821,
            K=17379,
            promptTokensDetails=parts(TEXT=16, VIDEO=15780, AUDIO=1917),
            cacheTokensDetails=parts(AUDIO=1881, TEXT=15, VIDEO=15483),
        ),
        usage=(17713, 17379, 0, 889, 821),
        kinds=(334, 17379, 0, 68, 821),
        # 298 * 2 + 36 * 6 + 3475.8 + 680 + 9852
        cost="0.0148198",
    ),
    gemini(
        "sound in the prompt, its modality a number",
        tokens(
            229, 17, 246, promptTokensDetails=[{"modality": 1, "tokenCount": 85}, {"modality": 4, "tokenCount": 144}]
        ),
        usage=(229, 0, 0, 17, 0),
        kinds=(229, 0, 0, 17, 0),
        # 170 + 864 + 170
        cost="0.001204",
    ),
    gemini(
        "pictures and sound in the answer",
        tokens(10, 1330, 1340, candidatesTokensDetails=parts(TEXT=10, IMAGE=1290, AUDIO=30)),
        usage=(10, 0, 0, 1330, 0),
        kinds=(10, 0, 0, 1330, 0),
        # 20 + 100 + 38700 + 600
        cost="0.03942",
    ),
    gemini(
        "each different query is billed",
        tokens(9, 27, 36),
        candidate=SEARCHED,
        model="gemini-3.5-flash",
        usage=(9, 0, 0, 27, 0),
        kinds=(9, 0, 0, 27, 0),
        # 18 + 270 + 20000
        cost="0.020288",
    ),
    gemini(
        "a grounded answer is billed once",
        tokens(9, 27, 318, U=61, T=221),
        candidate=SEARCHED,
        model="gemini-2.5-flash",
        usage=(70, 0, 0, 248, 221),
        kinds=(70, 0, 0, 27, 221),
        # 140 + 270 + 2652 + 10000
        cost="0.013062",
    ),
    gemini(
        "no prompt beside the total",
        {"candidatesTokenCount": 18, "thoughtsTokenCount": 58, "totalTokenCount": 80},
        usage=(4, 0, 0, 76, 58),
        kinds=(4, 0, 0, 18, 58),
        # 8 + 180 + 696
        cost="0.000884",
    ),
    Case(
        "a prompt that was blocked",
        "gemini",
        BLOCKED,
        (BLOCKED,),
        usage=(7, 0, 0, 0, 0),
        kinds=(7, 0, 0, 0, 0),
        cost="0.000014",
    ),
)
