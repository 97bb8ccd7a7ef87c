"""Key files that cannot be read: the last key holds, and an alarm says so."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.exchange.key_files import KeyFiles
from proxy.provider.secret import Secret
from proxy.usage.metrics import Metrics
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.journal import Journal

SETTING = "clients.app.key"

HARM: dict[str, Callable[[Path], object]] = {
    "No such file or directory": Path.unlink,
    "is empty": lambda path: path.write_text("\n"),
    "is no text": lambda path: path.write_bytes(b"\xff\xfe"),
}


def value(metrics: Metrics) -> float | None:
    """What the gauge says of the setting."""
    return metrics.registry.get_sample_value("dragoman_key_file_unusable", {"setting": SETTING})


def written(path: Path, text: str, *, at: int) -> Path:
    """A key file of that age: a clock may stand still between two writes."""
    path.write_text(text)
    os.utime(path, ns=(at, at))
    return path


@pytest.mark.parametrize("reason", HARM)
def test_a_file_that_cannot_be_read_keeps_its_key_and_says_so_once(
    tmp_path: Path, journal: Journal, reason: str
) -> None:
    path, metrics = written(tmp_path / "key", "sk-first", at=1), Metrics()
    secret = Secret(path=path)
    files = KeyFiles(metrics, {SETTING: secret})
    assert value(metrics) == 0
    HARM[reason](path)
    files.look()
    files.look()
    assert value(metrics) == 1
    assert secret.reveal() == "sk-first"
    complaints = [entry for entry in journal.entries if entry["event"] == "key file unusable"]
    assert [(entry["level"], entry["setting"], entry["reason"]) for entry in complaints] == [("error", SETTING, reason)]
    written(path, "sk-second", at=2)
    files.look()
    assert value(metrics) == 0
    assert secret.reveal() == "sk-second"
    assert journal.entries[-1]["event"] == "key file usable"


def test_a_file_that_is_the_same_again_is_usable(tmp_path: Path, journal: Journal) -> None:
    path, metrics = written(tmp_path / "key", "sk-first", at=1), Metrics()
    files = KeyFiles(metrics, {SETTING: Secret(path=path)})
    path.rename(tmp_path / "away")
    files.look()
    (tmp_path / "away").rename(path)
    files.look()
    assert value(metrics) == 0


def test_a_setting_that_is_gone_has_no_series(tmp_path: Path, journal: Journal) -> None:
    path, metrics = written(tmp_path / "key", "sk-first", at=1), Metrics()
    files = KeyFiles(metrics, {SETTING: Secret(path=path)})
    files.follow({})
    assert value(metrics) is None


async def settings_of(gateway: Gateway) -> set[str]:
    """The settings that have a series."""
    samples = await gateway.samples()
    return {labels["setting"] for name, labels, _ in samples if name == "dragoman_key_file_unusable"}


async def test_every_credential_in_a_file_is_looked_after(gateways: Gateways, tmp_path: Path) -> None:
    reference = {"file": str(written(tmp_path / "key", "sk-" + "k" * 40, at=1))}
    gateway = await gateways.start(
        clients=[{"name": "app", "key": reference}, {"name": "web", "key": "sk-text"}],
        admin={"listen": "127.0.0.1:0", "key": {"file": str(written(tmp_path / "admin", "sk-" + "a" * 40, at=1))}},
        seal_keys=[{"id": "k1", "key": reference}],
        providers={
            "claude": {"api_key": reference},
            "aws": {
                "type": "bedrock",
                "region": "eu-central-1",
                "aws": {"access_key_id": "AKIA", "secret_access_key": reference},
            },
        },
    )
    assert await settings_of(gateway) == {
        "clients.app.key",
        "admin.key",
        "seal_keys.k1",
        "providers.claude.api_key",
        "providers.aws.aws.secret_access_key",
    }
