"""Reads the JSON that orjson refuses and that vendors send all the same."""

import json


def lenient_json(data: bytes) -> object:
    """JSON with bad UTF-8, halves of surrogate pairs, NaN or Infinity, which orjson refuses; None when it is none."""
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        if b"\\ud" in data or b"\\uD" in data:
            text = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
            value = json.loads(text.decode("utf-16-le", "replace"))
    except (ValueError, RecursionError):
        return None
    return value
