"""deploy/docker/Dockerfile: linted, small, without root, and ended by a signal that the process itself takes."""

import subprocess

from tests.deploy.manifests.tools import command
from tests.docs.markdown import ROOT

DOCKERFILE = ROOT / "deploy/docker/Dockerfile"


def test_hadolint_finds_no_fault_with_it() -> None:
    done = subprocess.run(
        [command("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_process_is_the_first_one() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    # As a list: through a shell, SIGTERM would not reach it.
    assert 'ENTRYPOINT ["dragoman"]' in lines
    assert not any(line.startswith("STOPSIGNAL") for line in lines)
