"""A create request comes in: from the bytes of its body to a Run."""

from functools import partial

import orjson

from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.run import Run
from proxy.responses.errors import ResponsesError, invalid_body
from proxy.responses.request import CreateRequest, check_not_empty, check_state, parse_create


def accept(gateway: Gateway, body: bytes, client: Client, *, arrived: float) -> Run:
    """Take in the body of a create request; `arrived` is its arrival by `time.perf_counter`.

    Raises ResponsesError, in OpenAI's order of checks: form, model, state, empty input, what the target takes, history.
    """
    request = _read(gateway, body)
    target = gateway.target(request.model, client)
    check_state(request)
    check_not_empty(request)
    try:
        if request.tools or request.text:
            # What is echoed must be writable before the vendor is asked; the lists stand for what is around it then.
            orjson.dumps([[[[[[request.tools, request.text]]]]]])
        run = Run(gateway, request, client, target, arrived=arrived)
    except (orjson.JSONEncodeError, RecursionError):
        raise ResponsesError(400, "The request is nested deeper than the gateway can write.") from None
    run.release_input(partial(_read, gateway, body))
    return run


def _read(gateway: Gateway, body: bytes) -> CreateRequest:
    if not body:
        raise invalid_body("The request body is empty. Send a JSON object.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid_body(
            "We could not parse the JSON body of your request. A JSON payload is expected, but what was sent was not "
            f"valid JSON ({error.msg}, at character {error.pos})."
        ) from None
    if gateway.default_model is not None and isinstance(value, dict):
        value.setdefault("model", gateway.default_model)
    return parse_create(value, unknown_parameters=gateway.rules.unknown_parameters)
