"""What an error of a Responses server means. Its forms and codes are those of Chat Completions."""

import re
from collections.abc import Mapping
from typing import Final

from providers.openai_chat.dialect import Dialect
from providers.openai_chat.errors import error_in_answer, error_of_answer
from proxy.provider.errors import ProviderError

_PARAMETER: Final = re.compile(r"[a-z_]{1,64}")


def error_of(status: int, headers: Mapping[str, str], body: bytes, row: Dialect, secret: str = "") -> ProviderError:
    """The error of an HTTP answer. Never raises; the text is free of `secret`."""
    return _with_parameter(error_of_answer(status, headers, body, row, secret))


def error_inside(value: object, row: Dialect, secret: str = "") -> ProviderError:
    """The error that came inside an answer of status 200, streamed or not."""
    return _with_parameter(error_in_answer(value, row, secret))


def _with_parameter(error: ProviderError) -> ProviderError:
    """The server's parameters are the client's; places in its input are not, because a history may stand before it."""
    if error.error_class == "bad_request" and error.param is None and error.vendor_param:
        named = _PARAMETER.match(error.vendor_param)
        error.param = named[0] if named is not None else None
    return error
