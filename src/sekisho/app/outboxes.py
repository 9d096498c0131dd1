"""The outbox of a store, as every process of ours that runs jobs opens it."""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np

from sekisho.store.outbox import Outbox, RetryPolicy
from sekisho.store.transaction import Store

PATIENT: Final = RetryPolicy(attempts=1000, first_s=0.5, longest_s=60.0)
"""For jobs of the engine beside us: what it cannot take now it takes soon, nothing is given up."""


def open_outbox(store: Store, policy: RetryPolicy | None = None) -> Outbox:
    """The outbox, with waiting times drawn anew by each process so that no two keep step."""
    chance = np.random.default_rng(secrets.randbits(128))
    return Outbox(store.database, store.outside, chance=chance, policy=policy)
