"""What is sent once more, changed, after the server refused the wish to think."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from proxy.provider.contract import Call
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.errors import ProviderError

THINK = "think"
"""The server's name of the wish to think, where the model has none of it."""

THINK_LEVEL = "think level"
"""The wish, where only its level is refused."""

_PATH = "reasoning.effort"


def amended(call: Call, error: ProviderError) -> tuple[Call, Sequence[Conversion]] | None:
    """The call without the wish to think, for a model that turns out not to; with the plain wish, for one that knows no
    such level."""
    if error.vendor_status != 400 or error.vendor_param not in (THINK, THINK_LEVEL):
        return None
    body = orjson.loads(call.body)
    if "think" not in body:
        return None
    wish = body.pop("think")
    if error.vendor_param == THINK_LEVEL and isinstance(wish, str):
        body["think"] = True
        loss = approximated(_PATH, "the model can be told only to reason or not")
    else:
        loss = (ignored if wish is False else dropped)(_PATH, "the model does not reason")
    return replace(call, body=orjson.dumps(body)), [loss]
