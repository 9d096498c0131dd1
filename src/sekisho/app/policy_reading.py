"""Policy files and watch tables as the commands find them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from sekisho.domain.errors import BadInput
from sekisho.rulebook import watch
from sekisho.scoring.policy_file import PolicyFile, parse_policy


def read_policy(path: Path, watch_file: Path | None = None) -> PolicyFile:
    """The policy of a file; its watch table is a shipped one, or that of ``watch_file``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} cannot be read.", hint="Name a policy file (TOML).") from error
    return policy_of(text, watch_file)


def policy_of(text: str, watch_file: Path | None = None) -> PolicyFile:
    """The same of a text."""
    own = None if watch_file is None else watch.read(watch_file)

    def table(version: str) -> watch.WatchTable:
        return own if own is not None and own.version == version else watch.shipped(version)

    return parse_policy(text, table)


def default_text() -> str:
    """The policy that Sekisho starts with."""
    folder = resources.files("sekisho.rulebook") / "data" / "policy"
    return (folder / "default.toml").read_text(encoding="utf-8")
