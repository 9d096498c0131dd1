"""The installer tells uv what pip knows, and finds its own version in the lock."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "environment.py"
    spec = importlib.util.spec_from_file_location("environment", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["environment"] = module
    spec.loader.exec_module(module)
    return module


LISTING = """\
:env:.index-url='https://mirror.example/simple'
global.cert='certificates.pem'
global.index-url='https://other.example/simple'
global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'
install.find-links='wheels more-wheels'
"""


def test_pip_settings_become_uv_settings(environment: ModuleType) -> None:
    told = environment.uv_environment(environment.read_pip_settings(LISTING), {"PATH": "bin"})
    assert told["PATH"] == "bin"
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert told["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert told["UV_FIND_LINKS"] == "wheels,more-wheels"
    assert told["SSL_CERT_FILE"] == "certificates.pem"


def test_settings_made_for_uv_win(environment: ModuleType) -> None:
    own = {"UV_INDEX_URL": "https://own.example/simple", "SSL_CERT_FILE": "own.pem"}
    told = environment.uv_environment(environment.read_pip_settings(LISTING), own)
    assert "UV_DEFAULT_INDEX" not in told
    assert told["SSL_CERT_FILE"] == "own.pem"


def test_uv_is_installed_at_its_locked_version(environment: ModuleType, root: Path) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    block = environment.locked_block(lock, "uv")
    assert block.startswith("uv==")
    assert [line for line in block.splitlines() if "==" in line] == [block.splitlines()[0]]
    assert "--hash=sha256:" in block.splitlines()[-1]
    with pytest.raises(ValueError, match="no-such-package"):
        environment.locked_block(lock, "no-such-package")


def test_the_build_backend_is_in_the_lock(environment: ModuleType, root: Path) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    for name in ("hatchling", "editables"):
        assert environment.locked_block(lock, name)


@pytest.mark.parametrize(
    ("has", "case"),  # the case: user id, commands run, what is said
    [
        ({"chromium"}, (0, 0, "")),
        (set(), (0, 0, "will be skipped")),
        ({"apt-get"}, (1000, 0, "will be skipped")),
        ({"apt-get"}, (0, 2, "Installing Chromium")),
    ],
)
def test_a_browser_is_installed_only_where_that_needs_no_questions(
    environment: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has: set[str],
    case: tuple[int, int, str],
) -> None:
    user, calls, says = case
    ran: list[list[str]] = []
    monkeypatch.setattr(environment.shutil, "which", lambda name: name if name in has else None)
    monkeypatch.setattr(environment.os, "geteuid", lambda: user)
    monkeypatch.setattr(environment, "succeeds", lambda command, _: not ran.append(command))
    assert environment.browser() == 0
    assert len(ran) == calls
    assert says in capsys.readouterr().out


def test_the_lock_is_installed_by_pip_where_uv_fails(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], _: object = None) -> bool:
        ran.append(command)
        return not command[0].endswith("uv")

    monkeypatch.setattr(environment, "succeeds", run)
    monkeypatch.setattr(environment, "pip_settings", lambda _: {})
    assert environment.install_locked(tmp_path / "bin" / "python")
    assert len(ran) == 3
    assert "--require-hashes" in ran[1]
    assert "--require-hashes" in ran[2]
    assert ran[2][-1].endswith("requirements.lock")
