"""The policy that the engine starts with: a file, or the one that Sekisho comes with."""

from __future__ import annotations

from pathlib import Path

from sekisho.app import policy_reading
from sekisho.scoring.policy import Policy


def read_policy(path: Path | None) -> Policy:
    """The policy of a file, or the one that Sekisho comes with. BadInput says what is wrong."""
    if path is None:
        return policy_reading.policy_of(policy_reading.default_text()).policy
    return policy_reading.read_policy(path).policy
