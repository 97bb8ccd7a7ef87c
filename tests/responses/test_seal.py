"""The sealed proof: what was sealed comes back to its client, and nothing else does."""

import base64
import contextlib
import hashlib
import hmac
import tracemalloc
import zlib
from dataclasses import asdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses import seal as seal_module
from proxy.responses.errors import ResponsesError
from proxy.responses.seal import SealedProof, Sealer, SealKey

OLD, NEW = SealKey("2026-10", b"o" * 32), SealKey("2026-11", b"n" * 32)
SEALER = Sealer([NEW])
PROOF = SealedProof(
    provider="anthropic",
    endpoint="https://api.example",
    account="0123456789abcdef",
    family="claude",
    client="shop",
    kind="signature",
    binds="self",
    payload="EqQBCkYIBBgC",
    text="I think.",
)
PATH = "input[2].encrypted_content"


def signed(content: bytes, key: SealKey = NEW) -> str:
    """A seal over any content, with a valid signature."""
    head = f"dg1.{key.id}.{base64.urlsafe_b64encode(content).decode()}"
    digest = hmac.digest(key.key, head.encode(), hashlib.sha256)
    return f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def opened(sealed: str, sealer: Sealer = SEALER, client: str = "shop") -> SealedProof | None:
    return sealer.open(sealed, client=client, path=PATH)


# --- the round trip ---------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.builds(SealedProof, *([st.text()] * 8), text=st.none() | st.text()))
def test_what_is_sealed_is_opened(proof: SealedProof) -> None:
    assert opened(SEALER.seal(proof), client=proof.client) == proof


def test_the_form() -> None:
    prefix, key_id, content, mac = SEALER.seal(PROOF).split(".")
    assert (prefix, key_id) == ("dg1", "2026-11")
    assert orjson.loads(zlib.decompress(base64.urlsafe_b64decode(content)))["payload"] == PROOF.payload
    assert len(base64.urlsafe_b64decode(mac + "=")) == 32


def test_equal_proofs_have_equal_seals() -> None:
    assert SEALER.seal(PROOF) == Sealer([NEW]).seal(PROOF)


def test_the_first_key_seals_and_every_key_opens() -> None:
    before, after = Sealer([OLD]).seal(PROOF), Sealer([NEW, OLD])
    assert opened(before, after) == PROOF
    assert after.seal(PROOF).startswith("dg1.2026-11.")
    assert opened(after.seal(PROOF), SEALER) == PROOF


def test_a_key_that_is_gone_opens_nothing_and_is_no_error() -> None:
    assert opened(Sealer([OLD]).seal(PROOF)) is None


def test_a_key_of_the_process_is_its_own() -> None:
    one, other = Sealer.ephemeral(), Sealer.ephemeral()
    assert opened(one.seal(PROOF), one) == PROOF
    assert opened(one.seal(PROOF), other) is None


@pytest.mark.parametrize(
    "keys",
    [[], [SealKey("", b"k" * 32)], [SealKey("a.b", b"k" * 32)], [SealKey("a", b"k" * 15)], [NEW, SealKey("b", b"")]],
)
def test_keys_that_cannot_seal_are_refused(keys: list[SealKey]) -> None:
    with pytest.raises(ValueError, match="seal key"):
        Sealer(keys)


# --- what was changed -------------------------------------------------------------------------------------------------


def refusal(sealed: str, client: str = "shop") -> ResponsesError:
    with pytest.raises(ResponsesError) as caught:
        opened(sealed, client=client)
    assert (caught.value.status, caught.value.param) == (400, PATH)
    assert caught.value.code == "invalid_encrypted_content"
    return caught.value


@given(st.data())
def test_a_changed_content_or_signature_is_refused(data: st.DataObject) -> None:
    sealed = SEALER.seal(PROOF)
    position = data.draw(st.integers(len("dg1.2026-11."), len(sealed) - 1).filter(lambda index: sealed[index] != "."))
    character = data.draw(st.sampled_from("AZaz09-_=~é").filter(lambda other: other != sealed[position]))
    refusal(sealed[:position] + character + sealed[position + 1 :])


@pytest.mark.parametrize("cut", [1, 10, 42])
def test_a_cut_signature_is_refused(cut: int) -> None:
    refusal(SEALER.seal(PROOF)[:-cut])


def test_a_signature_under_another_key_of_ours_is_refused() -> None:
    parts = SEALER.seal(PROOF).split(".")
    parts[1] = OLD.id
    with pytest.raises(ResponsesError):
        opened(".".join(parts), Sealer([NEW, OLD]))


def test_another_clients_seal_is_refused_without_a_word_of_what_it_holds() -> None:
    error = refusal(SEALER.seal(PROOF), client="lab")
    for secret in (PROOF.client, PROOF.payload, PROOF.account):
        assert secret not in error.message


@pytest.mark.parametrize("prefix", ["dg2", "", "DG1", "gAAAAA"])
def test_another_format_is_not_ours(prefix: str) -> None:
    assert opened(SEALER.seal(PROOF).replace("dg1", prefix, 1)) is None


@pytest.mark.parametrize("sealed", ["", ".", "...", "dg1", "dg1.2026-11", "dg1...", "gAAAAABo", "dg1.2026-11.a.b.c"])
def test_what_has_not_four_parts_is_not_ours(sealed: str) -> None:
    assert opened(sealed) is None


@given(st.text() | st.text("dg1.2026-11ab_=").map("dg1.2026-11.".__add__))
def test_no_text_raises_anything_but_a_refusal(sealed: str) -> None:
    with contextlib.suppress(ResponsesError):
        assert opened(sealed) is None


# --- signed, but by another version of the gateway --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not compressed",
        zlib.compress(b"not json"),
        zlib.compress(b"[]"),
        zlib.compress(b'"text"'),
        zlib.compress(b"7"),
        zlib.compress(b"{}"),
        zlib.compress(b'{"provider":"p"}'),
        zlib.compress(orjson.dumps(asdict(PROOF) | {"surplus": 1})),
        zlib.compress(b'{"provider":"p"}')[:-6],
    ],
)
def test_signed_nonsense_is_dropped(content: bytes) -> None:
    assert opened(signed(content)) is None


def test_members_of_a_wrong_type_are_dropped() -> None:
    members = dict.fromkeys(SealedProof.__dataclass_fields__, 1)
    assert opened(signed(zlib.compress(orjson.dumps(members)))) is None


def test_a_bomb_is_unpacked_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module, "MAX_OPENED_SIZE", 100_000)
    bomb = signed(zlib.compress(b" " * 20_000_000, 9))
    tracemalloc.start()
    try:
        assert opened(bomb) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_long_proof_is_whole() -> None:
    long = SealedProof(**{**dict.fromkeys(SealedProof.__dataclass_fields__, "x"), "text": "th" * 500_000})
    assert opened(SEALER.seal(long), client="x") == long
