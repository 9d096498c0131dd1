"""Propose the texts under which questions go out by themselves; a second person approves them."""

from __future__ import annotations

from pathlib import Path

from sekisho.app.asking.settings import read_asking
from sekisho.app.asking.texts import KINDS, common_values, texts_digest
from sekisho.app.message_settings import read_settings
from sekisho.app.message_writing import Writer
from sekisho.rulebook.templates import load
from sekisho.store.proposals import Proposal
from sekisho.store.standing import plan_standing
from sekisho.store.transaction import Store


def propose_texts(store: Store, settings: Path, who: str, reason: str) -> dict[str, Proposal]:
    """One proposal for each kind of question, by the id of its standing mailing."""
    chosen, asking = read_settings(settings), read_asking(settings)
    on = store.outside.clock().astimezone().date()
    made: dict[str, Proposal] = {}
    with store.transaction(who, reason) as tx:
        for kind in KINDS:
            common = common_values(asking.app_place)
            writer = Writer(kind, on, chosen.senders, common, load(chosen.templates), chosen.era)
            mailing_id = f"M{store.outside.entropy(8).hex()}"
            made[mailing_id] = plan_standing(
                tx, mailing_id, kind, writer.settings(), texts_digest(writer)
            )
    return made
