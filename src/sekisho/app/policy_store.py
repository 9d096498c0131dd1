"""Policies between files and the store: kept with their back-tests, proposed, let decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sekisho.app.backtesting import SCHEMA, text_of
from sekisho.domain.errors import BadInput
from sekisho.rulebook import watch
from sekisho.scoring.policy_file import PolicyFile, parse_policy
from sekisho.store.policies import (
    LIVE,
    SHADOW,
    Version,
    in_force,
    keep_backtest,
    keep_version,
    propose_live,
    version_of,
)
from sekisho.store.proposals import Proposal
from sekisho.store.transaction import Store, Transaction

_SHOWN: Final = ("frauds_caught", "value_caught", "genuine_declined", "genuine_asked")


@dataclass(frozen=True, slots=True)
class InForce:
    """The policies that are in force now, and since which activation each is."""

    live: PolicyFile | None
    shadow: PolicyFile | None


def policies_in_force(store: Store) -> InForce:
    """What decides and what runs beside it, as the engine loads them."""
    with store.read() as connection:
        found = {
            role: version_of(connection, one.policy_id)
            for role in (LIVE, SHADOW)
            if (one := in_force(connection, role)) is not None and one.policy_id is not None
        }
    return InForce(
        stored_policy(found[LIVE]) if LIVE in found else None,
        stored_policy(found[SHADOW]) if SHADOW in found else None,
    )


def stored_policy(version: Version) -> PolicyFile:
    """The policy of a version, read again from its texts; BadInput if they say another one."""

    def table(name: str) -> watch.WatchTable:
        return watch.parse(version.watch_text, name)

    found = parse_policy(version.text, table)
    if found.policy.version != version.policy_id:
        raise BadInput(
            f"the text of {version.policy_id} is that of {found.policy.version}.",
            hint="sekisho audit verify says who changed the store.",
        )
    return found


def keep(tx: Transaction, policy: PolicyFile, watch_file: Path | None) -> bool:
    """Write a policy's version down with the watch table that it names; False if it is there."""
    text = ""
    if policy.watch:
        own = watch_file is not None and watch_file.stem == policy.watch
        text = watch_file.read_text("utf-8") if own and watch_file else watch_text(policy.watch)
    return keep_version(tx, policy.policy.version, policy.text, text)


def watch_text(version: str) -> str:
    """The text of a shipped watch table."""
    return watch.shipped_text(version)


def attach(tx: Transaction, policy: PolicyFile, document: Mapping[str, Any]) -> str:
    """Attach a back-test to the version that it tried; its SHA-256."""
    if document.get("schema") != SCHEMA:
        raise BadInput("this is no back-test.", hint="sekisho backtest writes one.")
    return keep_backtest(tx, policy.policy.version, text_of(document))


def propose(
    tx: Transaction, policy: PolicyFile, sha256: str, document: Mapping[str, Any]
) -> Proposal:
    """Propose that a policy decides, with the figures that the approver should see."""
    candidate, champion = document["candidate"], document["champion"]
    figures: dict[str, Any] = {
        "span": f"{document['span']['first']} to {document['span']['last']}",
        "sums": {name: candidate["sums"][name] for name in _SHOWN},
        "rates": _plain(candidate["rates"]),
        "against": champion["policy"]["version"] if champion else "",
        "versus": document["versus"] or {},
        "notes": document["notes"],
    }
    return propose_live(tx, policy.policy.version, sha256, figures)


def _plain(rates: Mapping[str, float | None]) -> dict[str, str]:
    """Rates as text: what is signed has no floating point in it."""
    return {name: "" if value is None else f"{value:.6f}" for name, value in rates.items()}
