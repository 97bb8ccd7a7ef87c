"""Libraries are asked in a thread; what they complain of is told without what it must not show."""

import asyncio
import threading

import pytest

from providers.credentials.asking import MAX_REASON, NoCredentialError, account, ask, in_thread, missing, reason


async def test_the_work_is_done_beside_the_event_loop() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_library_that_gives_up_the_process_does_not() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(NoCredentialError):
        await asyncio.wait_for(ask("AWS", leave), 5)


async def test_whoever_goes_away_does_not_wait_for_the_work() -> None:
    going = threading.Event()
    ended = threading.Event()

    def work() -> None:
        going.wait(10)
        ended.set()

    waiting = asyncio.ensure_future(in_thread(work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    going.set()
    assert await in_thread(lambda: ended.wait(10))


def test_a_loop_that_was_closed_is_not_told() -> None:
    going = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        going.wait(10)

    async def leave() -> None:
        waiting = asyncio.ensure_future(in_thread(work))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    going.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_the_thread_does_not_hold_up_the_end_of_the_process() -> None:
    assert asyncio.run(in_thread(lambda: threading.current_thread().daemon))


async def test_a_complaint_names_its_class_and_not_the_error() -> None:
    def fail() -> None:
        raise LookupError("no\n  such thing for s3cret-value")

    with pytest.raises(NoCredentialError) as caught:
        await ask("Entra ID", fail, "s3cret-value")
    assert str(caught.value) == "Entra ID gave no credential: LookupError: no such thing for ***"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "the token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln was bad",
        '{"access_token": "ya29.c.b0Aaekm1K"}',
        "{'refresh_token': '1//0abcdef-ghijkl'}",
        '{"client_secret":"Zm9v~8Q"}',
        "https://storage.example/x?sv=1&sig=abcdef%3D&se=2",
    ],
)
def test_what_looks_like_a_token_is_not_told(text: str) -> None:
    told = reason(ValueError(text))
    assert "***" in told
    for part in ("eyJzdWIi", "ya29", "0abcdef", "Zm9v", "abcdef%3D"):
        assert part not in told


def test_what_the_environment_keeps_secret_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of-the-environment")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token")
    assert reason(OSError("of-the-environment in /var/run/token")) == "OSError: *** in /var/run/token"


def test_a_long_complaint_is_cut() -> None:
    assert len(reason(ValueError("word " * 10_000))) <= MAX_REASON + len("ValueError: ")


def test_a_complaint_without_words_is_its_class() -> None:
    assert reason(TimeoutError()) == "TimeoutError"


def test_a_file_that_is_not_there_is_named() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/run/key.json")
    assert "/run/key.json" in reason(error)


def test_a_module_that_is_there_is_not_missing() -> None:
    assert missing("asyncio", "x", "This") is None
    assert missing("no_such_package.inner", "x", "This") == "This needs the extra 'x': install dragoman[x]"


def test_the_parts_of_an_account_are_told_apart() -> None:
    assert account("a", "bc") != account("ab", "c")
    assert account("a", None) == account("a", "")
