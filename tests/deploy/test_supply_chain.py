"""What is installed is what was locked: exact versions, by hash, from whichever mirror."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.locks import LOCKS, entries, locked
from tests.docs.markdown import ROOT


def test_there_is_a_lock_for_every_use() -> None:
    assert set(LOCKS) == {"audit", "core", "deploy", "development", "local", "release", "runtime", "weights"}


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    found = list(entries(name))
    lines = LOCKS[name].read_text(encoding="utf-8").splitlines()
    assert len(found) == sum(bool(re.match("[A-Za-z0-9]", line)) for line in lines) > 0
    for requirement, hashes in found:
        assert re.fullmatch(r"==[^,*]+", str(Requirement(requirement).specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_address(name: str) -> None:
    assert "://" not in LOCKS[name].read_text(encoding="utf-8")
    assert "index-url" not in LOCKS[name].read_text(encoding="utf-8")


def test_what_is_tested_is_what_is_shipped() -> None:
    tested = {canonicalize_name(each.name): each.specifier for each in map(Requirement, locked("development"))}
    shipped = {canonicalize_name(each.name): each.specifier for each in map(Requirement, locked("runtime"))}
    assert {name: tested.get(name) for name in shipped} == shipped


def test_the_small_image_has_what_the_large_one_has() -> None:
    assert set(locked("core")) < set(locked("runtime"))


def test_everything_is_installed_by_hash() -> None:
    files = [ROOT / "Makefile", ROOT / ".ci/run", ROOT / "deploy/docker/Dockerfile"]
    lines = [line.strip() for path in files for line in path.read_text().splitlines()]
    installs = [line for line in lines if re.search(r"INSTALL\) |pip install", line)]
    assert installs
    for line in installs:
        by_hash = "--require-hashes" in line
        # The project itself, and uv in the one version that the Makefile names.
        assert by_hash or "--no-deps" in line or "uv==" in line or line.startswith("INSTALL :="), line
