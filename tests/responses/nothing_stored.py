"""What a request is told where nothing is stored; with a real store, `proxy.exchange.context` says it."""

from proxy.responses import errors
from proxy.responses.request import CreateRequest, check_state


def check_with_nothing_stored(request: CreateRequest) -> None:
    """Refuses whatever asks for something stored, in OpenAI's order."""
    check_state(request)
    if request.conversation is not None and "id" in request.conversation:
        raise errors.conversation_not_found(request.conversation["id"])
    if request.prompt is not None:
        raise errors.prompt_not_found(request.prompt["id"])
    if request.previous_response_id is not None:
        raise errors.previous_response_not_found(request.previous_response_id)
