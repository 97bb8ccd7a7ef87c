"""Every recorded error answer of a vendor becomes an error of the right kind, in OpenAI's words."""

import pytest

from .recordings import CORPUS, Recording, as_parameters, recordings
from .replay import provider_of

ERRORS = as_parameters(
    [recording for recording in recordings() if recording.status != 200], lambda recording: recording.id, CORPUS
)

#: What a vendor's status means.
CLASSES = {
    400: "bad_request",
    401: "bad_credential",
    404: "model_unknown",
    429: "rate_limit",
    500: "vendor_failure",
}

#: A call that the server itself refused: the model's slip, no mistake of the request; another attempt may do better.
SLIPS = {"groq_chat-test-tool-use-failed-error-a57ca385": "vendor_failure"}


@pytest.mark.parametrize("recording", ERRORS)
def test_recorded_error_has_its_class(recording: Recording) -> None:
    error = provider_of(recording).error(recording.status, {}, recording.body)
    assert error.error_class == SLIPS.get(recording.id, CLASSES[recording.status])
    assert error.vendor_status == recording.status


@pytest.mark.parametrize("recording", ERRORS)
def test_recorded_error_says_what_the_vendor_said_but_for_keys(recording: Recording) -> None:
    error = provider_of(recording).error(recording.status, {}, recording.body)
    words = error.message.split()
    if error.error_class == "bad_credential":
        assert "operator" in error.message
    else:
        assert sum(word.strip("\"'.,:").encode() in recording.body for word in words) >= len(words) / 2


@pytest.mark.parametrize("recording", ERRORS)
def test_vendors_server_error_is_no_mistake_of_the_client(recording: Recording) -> None:
    error = provider_of(recording).error(recording.status, {}, recording.body)
    if recording.status in (401, 403) or recording.status >= 500:
        assert error.status in (403, 502, 503)
    elif recording.id not in SLIPS:
        assert error.status in (400, 429)
